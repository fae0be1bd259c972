"""Measure the lab as it is seen: pictures a second and steps a second, in headless Chromium, from click to canvas.

    pip install playwright && python benchmarks/lab.py     # a chromium must be on PATH

Writes results/lab.md. A step is a training step; a picture is an answer of Python drawn on the canvas.
"""

import os
import platform
import shutil
import time
from pathlib import Path

from tinygan.lab.server import serve_lab
from tinygan.threads import prime_malloc, share_cores

SECONDS = 8.0
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
    """Return pictures a second, steps a second, milliseconds of a whole step and of making what is shown."""
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
    before, begun = count(), time.perf_counter()
    page.wait_for_timeout(1000 * SECONDS)
    (frames, steps), took = count(), time.perf_counter() - begun
    page.click("button.main")
    page.wait_for_timeout(500)
    game = session.games[tab]
    return (frames - before[0]) / took, (steps - before[1]) / took, cost(game.step), cost(game.show)


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
        " of Python that were drawn; the last two columns are processor time in Python alone.",
        "",
        "| | pictures a second | steps a second | ms a step | ms to make what is shown |",
        "|---|---|---|---|---|",
        *(f"| {name} | {frames:.0f} | {steps:.0f} | {step:.1f} | {show:.1f} |" for name, frames, steps, step, show in rows),
        "",
        f"{os.cpu_count()} cores, {platform.machine()}, Chromium {version}; {busy:.1f} other processes ran when it began.",
    ]
    (Path(__file__).parent / "results" / "lab.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
