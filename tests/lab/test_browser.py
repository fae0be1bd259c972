"""The lab in headless Chromium: it loads without an error, plays fast enough, and can be worked by keyboard alone.

Skipped where Playwright (pip install '.[test]') or a Chromium on PATH is missing.
"""

import shutil
import time

import pytest

from tinygan.lab.server import serve_lab, serve_run

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is missing: pip install playwright")
if CHROMIUM is None:
    pytest.skip("no Chromium on PATH: apt-get install chromium", allow_module_level=True)

LAB = ".tinygan-lab"
SLOWEST = 20  # pictures a second, on a machine that does nothing else


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def lab(browser):
    """A page of a new lab, English and light; whatever its console says is an error."""
    with serve_lab() as server:
        server.start()
        context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
        page, said = context.new_page(), []
        page.set_default_timeout(60_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(server.url)
        page.wait_for_selector(f"{LAB}[data-step]")
        yield page
        assert said == []
        context.close()
        server.shutdown()


def count(page, name="step"):
    return page.evaluate(f"Number(document.querySelector('{LAB}').dataset.{name})")


def focused(page):
    """Return the text or the id of the element that has the focus."""
    return page.evaluate("document.activeElement.id || document.activeElement.textContent")


def tab_to(page, wanted, most=60):
    """Press Tab until the element of this id, or with this text, has the focus."""
    for _ in range(most):
        if wanted in focused(page):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} is not reached by {most} Tabs")


def wait_for(page, condition, seconds=60):
    """Wait until a condition in JavaScript holds. The page forbids `eval`, which Playwright's own wait_for_function needs."""
    ends = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < ends, f"{condition}, after {seconds} s"
        page.wait_for_timeout(30)


def pixels(page, canvas):
    """Return how many colours a canvas shows."""
    return page.evaluate(
        f"""(() => {{ const c = document.querySelector('{canvas}');
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, seen = new Set();
        for (let i = 0; i < d.length; i += 4) seen.add((d[i] << 16) | (d[i + 1] << 8) | d[i + 2]);
        return seen.size; }})()"""
    )


def measure(page, seconds=3.0):
    """Return pictures a second and steps a second while it plays."""
    before, begun = (count(page, "frames"), count(page)), time.perf_counter()
    page.wait_for_timeout(1000 * seconds)
    took = time.perf_counter() - begun
    return (count(page, "frames") - before[0]) / took, (count(page) - before[1]) / took


def free_share(seconds=0.5):
    """Return the share of a core that a busy loop gets, while the lab does nothing."""
    begun, used = time.perf_counter(), time.thread_time()
    while time.perf_counter() - begun < seconds:
        pass
    return (time.thread_time() - used) / (time.perf_counter() - begun)


@pytest.mark.parametrize("tab", ["plane", "digits"])
def test_it_plays(lab, tab):
    if tab == "digits":
        lab.click("#tinygan-tab-digits")
        wait_for(lab, "document.querySelector('.sheet').width > 0")
    lab.click("button.main")
    wait_for(lab, f"document.querySelector('{LAB}')?.dataset.step > 3")
    frames, steps = measure(lab)
    lab.click("button.main")
    lab.wait_for_timeout(500)
    free = free_share()
    print(f"{tab}: {frames:.0f} pictures/s, {steps:.0f} steps/s; a busy loop gets {free:.0%} of a core")
    shown = ".plane" if tab == "plane" else ".sheet"
    assert pixels(lab, shown) > 20 and pixels(lab, f"#tinygan-panel-{tab} .curves") > 3
    assert frames > 1 and steps > 1
    if free > 0.9:  # else other processes have the cores, and it says nothing
        assert frames >= SLOWEST


def test_a_keyboard_is_enough(lab):
    page = lab
    tab_to(page, "tinygan-tab-plane", 5)
    tab_to(page, "Play")
    page.keyboard.press("Enter")
    wait_for(page, f"document.querySelector('{LAB}')?.dataset.step > 2")
    assert "Pause" in focused(page)
    page.keyboard.press("Space")
    page.wait_for_timeout(1000)
    step = count(page)
    page.wait_for_timeout(1000)
    assert count(page) == step and "Play" in focused(page)

    tab_to(page, "Step")
    page.keyboard.press("Enter")
    wait_for(page, f"document.querySelector('{LAB}')?.dataset.step == {step + 1}")
    wait_for(page, "document.querySelector('[role=status]').textContent.startsWith('Both moved')")
    tab_to(page, "Step D")
    page.keyboard.press("Enter")
    wait_for(page, "document.querySelector('[role=status]').textContent.startsWith('D moved')")
    assert count(page) == step + 1

    tab_to(page, "tinygan-plane-objective")
    before = page.input_value("#tinygan-plane-objective")
    page.keyboard.press("ArrowUp")
    wait_for(page, "document.querySelector('[role=status]').textContent.startsWith('Settings taken')")
    assert page.input_value("#tinygan-plane-objective") != before and count(page) == step + 1

    tab_to(page, "tinygan-plane-learning_rate")
    page.keyboard.press("Control+A")
    page.keyboard.type("fast")
    page.keyboard.press("Tab")
    wait_for(page, "document.querySelector('[role=alert]').textContent.includes('expected a number')")
    assert page.get_attribute("#tinygan-plane-learning_rate", "aria-invalid") == "true"

    page.focus("#tinygan-tab-plane")
    page.keyboard.press("ArrowRight")
    wait_for(page, "!document.querySelector('#tinygan-panel-digits').hidden")
    assert focused(page) == "tinygan-tab-digits"
    tab_to(page, "中文")
    page.keyboard.press("Enter")
    wait_for(page, "document.querySelector('button.main').textContent.includes('播放')")
    assert page.get_attribute(LAB, "lang") == "zh-CN"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    wait_for(page, "document.querySelector('button.main').textContent.includes('Play')")


def test_drawing_by_keyboard_and_by_mouse(lab):
    page = lab
    page.select_option("#tinygan-plane-scene", "drawn")
    wait_for(page, "document.querySelector('.plane').getAttribute('role') == 'application'")
    page.click("button.main")
    wait_for(page, "document.querySelector('[role=alert]').textContent.includes('nothing is drawn')")
    page.focus(".plane")
    for key in ("ArrowRight", "Space", "ArrowUp", "Enter", "ArrowUp", "ArrowUp", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    wait_for(page, "document.querySelector('.big').textContent.includes(' of 2 ')")  # a dot, and a line of .3
    page.keyboard.press("Backspace")
    wait_for(page, "document.querySelector('.big').textContent.includes(' of 1 ')")
    box = page.locator(".plane").bounding_box()
    at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.move(*at(0.2, 0.2))
    page.mouse.down()
    page.mouse.move(*at(0.2, 0.8), steps=8)
    page.mouse.up()
    wait_for(page, "document.querySelector('.big').textContent.includes(' of 8 ')")  # and a line of 1.8
    page.click("button.main")
    wait_for(page, f"document.querySelector('{LAB}')?.dataset.step > 2")


def test_everything_has_a_name(lab):
    """Every control has a label, every picture words, every id is there once, and headings follow each other."""
    faults = lab.evaluate(
        """() => { const faults = [], named = (e) => e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length;
        for (const e of document.querySelectorAll('button, [role=img], [role=group], [role=tablist]'))
            if (!named(e)) faults.push(e.outerHTML);
        for (const e of document.querySelectorAll('select, input'))
            if (!e.labels.length && !e.getAttribute('aria-label')) faults.push(e.outerHTML);
        const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
        if (new Set(ids).size != ids.length) faults.push('ids');
        for (const e of document.querySelectorAll('[aria-controls], [aria-labelledby], [aria-describedby]'))
            for (const name of ['aria-controls', 'aria-labelledby', 'aria-describedby'])
                if (e.getAttribute(name) && !document.getElementById(e.getAttribute(name))) faults.push(e.outerHTML);
        return faults; }"""
    )
    assert faults == []


@pytest.mark.parametrize("width", [380, 760, 1280])
def test_nothing_is_wider_than_the_screen(lab, width):
    lab.set_viewport_size({"width": width, "height": 800})
    for tab in ("plane", "digits"):
        lab.click(f"#tinygan-tab-{tab}")
        lab.wait_for_timeout(300)
        assert lab.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_of_a_run(browser, tmp_path):
    from tinygan.cli import main

    small = ["--steps", "40", "--set", "hidden=8", "--set", "batch_size=16"]
    assert main(["train", "ring", *small, "--out", str(tmp_path / "r")]) == 0
    with serve_run(tmp_path / "r") as server:
        server.start()
        page, said = browser.new_page(locale="en-US"), []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(server.url)
        page.wait_for_selector(f"{LAB}[data-step]")
        wait_for(page, f"document.querySelector('{LAB}')?.dataset.step == 40")
        wait_for(page, "document.querySelector('img').naturalWidth > 100")
        assert "step 40 of 40" in page.inner_text(LAB) and pixels(page, ".curves") > 3
        server.shutdown()
        assert said == []
        page.close()


def test_the_same_front_end_as_a_widget(browser):
    """A notebook imports lab.js from a blob, without a file beside it, and its buffers begin anywhere in a larger one."""
    import base64

    from tinygan.lab.session import FOLDER, Session, facts, split, words

    session, said = Session(), []

    def answer(message):
        header, block = split(*session.answer(message))
        return [header, base64.b64encode(b"123" + block).decode()]

    page = browser.new_page(locale="zh-CN")
    page.set_default_timeout(60_000)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.expose_function("answer", answer)
    style = (FOLDER / "lab.css").read_text("utf-8")
    page.set_content(f"<body data-jp-theme-light='false'><style>{style}</style><div id='cell'></div>")
    page.evaluate(
        """async ([code, told]) => {
        const { default: widget } = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
        let hear;
        const model = {
            get: (name) => told[name], on: (name, callback) => { hear = callback; }, off: () => { hear = () => {}; },
            send: async (message) => {
                const [header, text] = await window.answer(message);
                const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
                hear(header, [new DataView(bytes.buffer, 3)]);
            },
        };
        window.stop = widget.render({ model, el: document.getElementById("cell") });
        }""",
        [(FOLDER / "lab.js").read_text("utf-8"), {"words": words(), "facts": facts(), "view": "lab", "language": ""}],
    )
    wait_for(page, f"document.querySelector('{LAB}')?.dataset.step == 0")
    assert "播放" in page.inner_text("button.main") and pixels(page, ".plane") > 20
    assert page.evaluate(f"getComputedStyle(document.querySelector('{LAB}')).colorScheme") == "dark"
    page.click("button.main")
    wait_for(page, f"document.querySelector('{LAB}')?.dataset.step > 3")
    page.evaluate("window.stop()")  # the cell is cleared
    page.wait_for_timeout(1000)
    step = count(page)
    page.wait_for_timeout(500)
    assert count(page) == step and said == []
    page.close()
