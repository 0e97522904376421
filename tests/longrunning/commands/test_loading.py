"""MODULE:APP on the command line: what is accepted, and what is said about what is not."""

import sys

import pytest

import longrunning
from longrunning.commands.failure import Failure
from longrunning.commands.loading import load_apps

SHOP = """
from longrunning import App

app = App("shop")
number = 7

class Holder:
    inner = App("inner")

class Thing:
    pass

def make():
    return App("made")

pair = [app, App("other")]
mixed = (app, 7)
empty = []

def make_pair():
    return pair

def make_nothing():
    return None

def needs(argument):
    return App("never")

def fails():
    raise ValueError("no\\n  database")

def leaves():
    raise SystemExit

async def make_later():
    return App("never")

class Own(BaseException):
    pass

def fails_hard():
    raise Own("stop")

class Lazy:
    @property
    def app(self):
        raise Own("not yet")

lazy = Lazy()
"""


class App:
    """Stands for longrunning.App, whose own arguments do not matter here."""

    def __init__(self, name):
        self.name = name


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder with modules, as the current one; what is imported is forgotten afterwards."""
    monkeypatch.setattr(longrunning, "App", App, raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "__init__.py").write_text("")
    (tmp_path / "parts" / "wheel.py").write_text(
        "from longrunning import App\napp = App('wheel')\n"
    )
    (tmp_path / "broken.py").write_text("import os\n\nx = 1 / 0\n")
    (tmp_path / "bad_syntax.py").write_text("x = 1\ndef f(:\n")
    (tmp_path / "wants_more.py").write_text("import not_installed_anywhere\n")
    (tmp_path / "deep.py").write_text("import json\njson.loads('{')\n")
    (tmp_path / "quits.py").write_text("raise SystemExit('bye')\n")
    (tmp_path / "hard.py").write_text("class Own(BaseException): pass\nraise Own('stop')\n")
    (tmp_path / "cancels.py").write_text("import asyncio\nraise asyncio.CancelledError\n")
    return tmp_path


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("shop:app", ["shop"]),
        ("shop:Holder.inner", ["inner"]),
        ("shop:make", ["made"]),
        ("parts.wheel:app", ["wheel"]),
        ("shop:pair", ["shop", "other"]),
        ("shop:make_pair", ["shop", "other"]),
    ],
)
def test_finds_apps_or_makes_them(target, names):
    assert [app.name for app in load_apps(target)] == names


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("shop", "'shop' is not MODULE:APP, such as shop:app"),
        ("shop:", "'shop:' is not MODULE:APP, such as shop:app"),
        (":app", "':app' is not MODULE:APP, such as myservice:app"),
        ("my-shop:app", "'my-shop:app' is not MODULE:APP, such as myservice:app"),
        ("shop.py", "'shop.py' names a file; serve takes MODULE:APP, here shop:app"),
        (
            "./parts/wheel.py:app",
            "'./parts/wheel.py:app' names a file; serve takes MODULE:APP, here parts.wheel:app",
        ),
        (
            "shpo:app",
            (
                "there is no module 'shpo' in {here} nor among the installed packages; "
                "did you mean 'shop'?"
            ),
        ),
        (
            "nowhere.at.all:app",
            "there is no module 'nowhere' in {here} nor among the installed packages",
        ),
        ("parts.whel:app", "there is no module 'parts.whel'; did you mean 'wheel'?"),
        ("shop.app:app", "there is no module 'shop.app'; 'shop' is a module, not a package"),
        ("shop:ap", "shop has no attribute 'ap'; did you mean 'app'?"),
        ("shop:service", "shop has no attribute 'service'; Apps of shop: app"),
        ("parts:app", "parts has no attribute 'app'"),
        (
            "parts:wheel",
            "parts has no attribute 'wheel', but a module of that name: parts.wheel:app?",
        ),
        ("shop:Holder.iner", "shop:Holder has no attribute 'iner'; did you mean 'inner'?"),
        (
            "shop:number",
            (
                "shop:number is an int, not an App nor a function without arguments that returns "
                "one; Apps of shop: app"
            ),
        ),
        (
            "shop:needs",
            (
                "shop:needs is a function, not an App nor a function without arguments that "
                "returns one; Apps of shop: app"
            ),
        ),
        ("shop:mixed", "shop:mixed is a tuple of Apps, but number 2 is an int"),
        ("shop:empty", "shop:empty is a list without an App in it"),
        ("shop:make_nothing", "shop:make_nothing() returned None, not an App"),
        ("shop:Thing", "shop:Thing() returned a Thing, not an App"),
        ("shop:fails", "shop:fails() failed: ValueError: no\n  database (shop.py, line 30)"),
        ("shop:leaves", "shop:leaves() failed: SystemExit (shop.py, line 33)"),
        (
            "shop:make_later",
            "shop:make_later() returned a coroutine, not an App: the function must not be async",
        ),
        ("shop:fails_hard", "shop:fails_hard() failed: Own: stop (shop.py, line 42)"),
        ("shop:lazy.app", "looking up shop:lazy.app failed: Own: not yet (shop.py, line 47)"),
        ("hard:app", "importing hard failed: Own: stop (hard.py, line 2)"),
        ("cancels:app", "importing cancels failed: CancelledError (cancels.py, line 2)"),
        (
            "broken:app",
            "importing broken failed: ZeroDivisionError: division by zero (broken.py, line 3)",
        ),
        (
            "bad_syntax:app",
            "importing bad_syntax failed: SyntaxError: invalid syntax (bad_syntax.py, line 2)",
        ),
        (
            "wants_more:app",
            (
                "importing wants_more failed: ModuleNotFoundError: "
                "No module named 'not_installed_anywhere' (wants_more.py, line 1)"
            ),
        ),
        (
            "deep:app",
            (
                "importing deep failed: JSONDecodeError: Expecting property name enclosed in "
                "double quotes: line 1 column 2 (char 1) (deep.py, line 2)"
            ),
        ),
        ("quits:app", "importing quits failed: SystemExit: bye (quits.py, line 1)"),
    ],
)
def test_says_what_is_wrong_and_where(here, target, message):
    with pytest.raises(Failure) as caught:
        load_apps(target)
    assert caught.value.message == message.format(here=here)


def test_ctrl_c_during_the_import_is_no_fault_of_the_module(here):
    (here / "slow.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load_apps("slow:app")


def test_debug_shows_the_traceback(capsys):
    with pytest.raises(Failure):
        load_apps("broken:app", debug=True)
    assert "Traceback (most recent call last):" in capsys.readouterr().err
