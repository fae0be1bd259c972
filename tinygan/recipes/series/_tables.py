"""What `sines` and `stock` share: samples as a table that a spreadsheet opens."""

import csv
import io

from tinygan.run.checkpoint import write_file


def write_table(columns, samples, path):
    """Write sequences (N, T, columns) as CSV, a line a step: number of the sample, of the step, and the columns."""
    rows = ([n, t, *row] for n, sample in enumerate(samples) for t, row in enumerate(sample))
    _write(["sample", "step", *columns], rows, path)


def write_rows(columns, rows, path):
    """Write rows (N, columns) as CSV, a line a row."""
    _write(columns, rows, path)


def _write(names, rows, path):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([f"{value:.8g}" for value in row] for row in rows)
    write_file(path, text.getvalue())
