"""Measure the lab as it is seen: pictures a second and steps a second, in headless Chromium, from click to canvas.

    pip install playwright && python benchmarks/lab.py     # a chromium must be on PATH

Writes results/lab.md. A step is a training step; a picture is an answer of Python drawn on the canvas.
"""

import os
import platform
import shutil
import time
from itertools import pairwise
from pathlib import Path

from tinygan.lab.server import serve_lab
from tinygan.threads import prime_malloc, share_cores

SECONDS = 3.0
WATCH = """() => { window.times = []; new MutationObserver(() => window.times.push(performance.now())).observe(
document.querySelector('.tinygan-lab'), { attributes: true, attributeFilter: ['data-frames'] }); }"""
CASES = [
    # what is shown, its tab, settings
    ("ring, relativistic, R1 + R2", "plane", {}),
    ("ring, Wasserstein with a penalty, 5 turns of D", "plane", {
        "objective": "wasserstein", "penalty": "wgan-gp", "n_critic": 5,
    }),
    ("swiss roll, 128 units, 3 layers, batch 256", "plane", {
        "scene": "swissroll", "hidden": 128, "d_hidden": 128, "layers": 3, "d_layers": 3, "batch_size": 256,
    }),
    ("digits, LSTM of 48", "digits", {}),
]  # fmt: skip


def measure(page, server, tab, values):
    """Return what a row of the table shows, its name left out."""
    page.goto(server.url)
    page.wait_for_selector(".tinygan-lab[data-step]")
    session = server.session
    session.answer({"do": "show", "tab": tab})
    assert session.answer({"do": "set", "tab": tab, "values": values})[0]["error"] == ""
    page.click(f"#tinygan-tab-{tab}")
    page.click("button.main")
    page.wait_for_timeout(2000)
    count = lambda: [
        int(page.evaluate(f"document.querySelector('.tinygan-lab').dataset.{name}")) for name in ("frames", "step")
    ]
    page.evaluate(WATCH)
    before, begun, used = count(), time.perf_counter(), processor_time()
    page.wait_for_timeout(1000 * SECONDS)
    (frames, steps), took = count(), time.perf_counter() - begun
    python, chromium = (1000 * (b - a) / (frames - before[0]) for a, b in zip(used, processor_time()))
    times = sorted(b - a for a, b in pairwise(page.evaluate("window.times")))
    page.click("button.main")
    page.wait_for_timeout(500)
    game = session.games[tab]
    fastest, pictures, steps = 1000 / times[len(times) // 10], (frames - before[0]) / took, (steps - before[1]) / took
    return pictures, fastest, steps, python, chromium, cost(game.step), cost(game.show)


def processor_time():
    """Return the seconds of processor time that this process had, and those that Chromium's had."""
    import psutil

    mine = psutil.Process()
    browser = [p.cpu_times() for p in mine.children(recursive=True) if "chrom" in p.name()]
    return time.process_time(), sum(t.user + t.system for t in browser)


def cost(work, times=20):
    """Return the milliseconds of processor time that some work takes, the best of five means."""
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - begun) / times)
    return 1000 * best


def main():
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    prime_malloc()
    busy = os.getloadavg()[0]
    rows = []
    with sync_playwright() as playwright, share_cores(), serve_lab() as server:
        server.start()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        for name, tab, values in CASES:
            rows.append((name, *measure(page, server, tab, values)))
            print(*rows[-1], flush=True)
        version = browser.version
        browser.close()
        server.shutdown()
    lines = [
        "# The lab, as it is seen",
        "",
        "`python benchmarks/lab.py`: headless Chromium on the same machine, 1280x900, without a GPU. Pictures are answers"
        " of Python that were drawn. Milliseconds are processor time, all threads and processes together; Python trains for"
        " 24 of them a picture, or one step if that is longer.",
        "",
        "| | pictures a second | in the fastest tenth of intervals | steps a second | ms a picture: Python | Chromium"
        " | ms a step | ms to make what is shown |",
        "|---|---|---|---|---|---|---|---|",
        *("| {} | {:.0f} | {:.0f} | {:.0f} | {:.0f} | {:.0f} | {:.1f} | {:.1f} |".format(*row) for row in rows),
        "",
        f"{os.cpu_count()} cores, {platform.machine()}, Chromium {version}; {busy:.1f} other processes wanted one at first.",
        "Where others have the cores, the fastest tenth of the intervals between two pictures says what the lab can do.",
    ]
    (Path(__file__).parent / "results" / "lab.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
