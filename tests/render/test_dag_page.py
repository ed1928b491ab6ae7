"""The page of a graph, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from render.browser import Browser, Page, chromium
from render.drawings import HOSTILE, fan, hostile

from roar.render.dag_drawing import Drawing
from roar.render.dag_html import page as page_of


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


def opened(browser: Browser, folder: Path, drawing: Drawing) -> Page:
    file = folder / f"{len(list(folder.iterdir()))}.html"
    file.write_text("\n".join(page_of(drawing)), encoding="utf-8")
    page = browser.page()
    page.open(file.as_uri())
    return page


@pytest.fixture(scope="module")
def small(browser: Browser, folder: Path) -> Page:
    return opened(browser, folder, fan(12))


def centre(page: Page, key: str) -> tuple[float, float]:
    box: Any = page.value(
        f"(() => {{ const b = document.querySelector('#{key} rect').getBoundingClientRect();"
        " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
    )
    return box[0], box[1]


def chosen(page: Page) -> str:
    return str(page.value("document.querySelector('.chosen')?.id ?? ''"))


@pytest.mark.requirement("SHOW-5", "SAFE-3")
def test_hostile_names_are_shown_and_do_nothing(browser: Browser, folder: Path) -> None:
    page = opened(browser, folder, hostile())
    assert page.value("document.title") == HOSTILE[0].strip()
    assert page.value("document.scripts.length") == 2 and page.value("document.images.length") == 0
    shown: Any = page.value(
        "[...document.querySelectorAll('.vertex > title')].map(one => one.textContent.split('\\n')[0])"
    )
    assert shown == list(HOSTILE)
    page.click(*centre(page, "s2"))
    assert page.value("document.querySelector('#details h2').textContent") == HOSTILE[1]
    assert page.value("document.querySelector('#details img') === null")
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith("file:")] == []


@pytest.mark.requirement("SHOW-5")
def test_the_policy_lets_no_other_script_run(browser: Browser, folder: Path) -> None:
    page = opened(browser, folder, fan(2))
    page.value(
        "(() => { const one = document.createElement('script'); one.textContent = 'window.owned = 1';"
        " document.body.append(one); document.body.insertAdjacentHTML('beforeend', '<img src=https://example.org/x>'); })()"
    )
    assert page.value("window.owned") is None
    for _ in range(1000):  # what the policy refuses is told when the browser comes to it
        if any("Content Security Policy" in text for text in page.complaints):
            break
        page.value("new Promise(done => setTimeout(done, 10))")
    else:
        raise AssertionError(page.complaints)


@pytest.mark.requirement("SHOW-5")
def test_the_page_names_nothing_outside_itself() -> None:
    text = "\n".join(page_of(fan(3)))
    assert set(re.findall(r"[a-z]+://[^\"' )<]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<link|\bsrc=|@import|url\((?!#)", text)


@pytest.mark.requirement("SHOW-5")
def test_a_click_shows_what_there_is_to_say_and_where_it_comes_from(small: Page) -> None:
    small.press("0")
    small.click(*centre(small, "s3"))
    assert chosen(small) == small.value("document.activeElement.id") == "s3"
    said = small.value("document.querySelector('#details').innerText")
    assert "@3 work 3" in said and "Comes from" in said and "@1 split" in said and "@15 work 15" in said
    small.value("document.querySelector('#details button').click()")
    assert chosen(small) == "s1"
    small.press("Escape")
    assert chosen(small) == "" and small.value("document.querySelector('#details').hidden")


@pytest.mark.requirement("SHOW-5")
def test_search_finds_marks_and_goes_through_what_it_found(small: Page) -> None:
    small.press("/")
    small.type("merge")
    assert small.value("document.querySelector('#hits').textContent") == "1 found"
    small.press("Enter")
    assert chosen(small) == "s26" and small.value("document.querySelectorAll('.hit').length") == 1
    x, y = centre(small, "s26")
    assert 0 < x < 1200 and 0 < y < 800
    small.press("Escape")
    assert small.value("document.querySelectorAll('.hit').length") == 0
    small.press("Escape")


@pytest.mark.requirement("SHOW-5")
def test_the_keyboard_reaches_every_step(small: Page) -> None:
    small.value("document.querySelector('#stage').focus()")
    small.press("0")
    for _ in range(3):
        small.press("Tab")
    assert chosen(small) == "s3" and small.value("document.activeElement.id") == "s3"
    small.press("Escape")


@pytest.mark.requirement("SHOW-5")
def test_the_graph_is_moved_and_zoomed(small: Page) -> None:
    small.press("0")
    x, y = centre(small, "s1")
    small.mouse("mousePressed", 30, 700, button="left", buttons=1, clickCount=1)
    small.mouse("mouseMoved", 80, 660, button="left", buttons=1)
    small.mouse("mouseReleased", 80, 660, button="left", clickCount=1)
    assert centre(small, "s1") == pytest.approx((x + 50, y - 40), abs=1)
    small.press("ArrowLeft")
    assert centre(small, "s1") == pytest.approx((x + 110, y - 40), abs=1)
    before = small.value("document.querySelector('#s1 rect').getBoundingClientRect().width")
    x, y = centre(small, "s1")
    small.mouse("mouseWheel", x, y, deltaX=0, deltaY=-300)
    small.value("new Promise(requestAnimationFrame)")
    assert small.value("document.querySelector('#s1 rect').getBoundingClientRect().width") > before * 1.3
    assert centre(small, "s1") == pytest.approx((x, y), abs=1)  # what is below the pointer stays there
    assert small.complaints == []


@pytest.mark.requirement("SHOW-5")
def test_two_thousand_steps_can_be_looked_around_in(browser: Browser, folder: Path) -> None:
    page = opened(browser, folder, fan(1000))
    assert page.value("document.querySelectorAll('.vertex').length") == 2002
    used_s = browser.cpu_s()  # a busy machine makes frames late, and costs no more
    page.value(
        "new Promise(async done => { for (let i = 0; i < 20; i++) {"
        " document.getElementById(i % 2 ? 'in' : 'out').click(); await new Promise(requestAnimationFrame); } done(); })"
    )
    assert (browser.cpu_s() - used_s) / 20 < 0.15
    page.press("/")
    page.type("work 1999")
    page.press("Enter")
    assert chosen(page) == "s1999"
