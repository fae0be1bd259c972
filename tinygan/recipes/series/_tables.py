"""What `sines` and `stock` share: samples as a table that a spreadsheet opens."""

import csv
import io

from tinygan.run.checkpoint import write_file


def write_table(columns, samples, path):
    """Write sequences (N, T, columns) as CSV, a line a step: number of the sample, of the step, and the columns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["sample", "step", *columns])
    for n, sample in enumerate(samples):
        writer.writerows([n, t, *(f"{value:.8g}" for value in row)] for t, row in enumerate(sample))
    write_file(path, text.getvalue())
