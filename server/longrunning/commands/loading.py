"""From `MODULE:APP` to its Apps, with an explanation for everything that can go wrong."""

import difflib
import importlib.util
import inspect
import pkgutil
import sys
import sysconfig
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import longrunning
from longrunning.commands.failure import Failure

if TYPE_CHECKING:
    from longrunning import App


def load_apps(target: str, *, debug: bool = False) -> Sequence["App"]:
    """Import the module, as `python -m` would from the current directory, and find its Apps.

    Args:
        target: `module:attribute`; the attribute may be dotted, and is an App, a list of Apps, or
            a function without arguments that returns either.
        debug: print the traceback of an exception in the user's code.

    Raises:
        Failure: there is no such module, attribute or App, or the user's code raised.
    """
    module_name, attribute = _split(target)
    module = _import(module_name, debug=debug)
    try:
        found = _attribute(module, attribute)
    except (Failure, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise explain(f"looking up {target}", error, debug=debug) from None
    if apps := _apps(found, target):
        return apps
    if not callable(found) or not _takes_nothing(found):
        raise Failure(
            f"{target} is {_a(found)}, not an App nor a function without arguments that returns one"
            + _others(module)
        )
    try:
        made = found()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise explain(f"{target}()", error, debug=debug) from None
    if inspect.iscoroutine(made):
        made.close()
        raise Failure(
            f"{target}() returned a coroutine, not an App: the function must not be async"
        )
    if apps := _apps(made, f"{target}()"):
        return apps
    raise Failure(f"{target}() returned {_a(made)}, not an App")


def _apps(found: object, shown: str) -> Sequence["App"]:
    """Returns the Apps that an object is, none if it is something else.

    Raises:
        Failure: it is a list or tuple, but not of Apps alone.
    """
    if isinstance(found, longrunning.App):
        return (found,)
    if not isinstance(found, list | tuple):
        return ()
    if not found:
        raise Failure(f"{shown} is {_a(found)} without an App in it")
    for number, each in enumerate(found, start=1):
        if not isinstance(each, longrunning.App):
            raise Failure(f"{shown} is {_a(found)} of Apps, but number {number} is {_a(each)}")
    return found


def _split(target: str) -> tuple[str, str]:
    module, colon, attribute = target.partition(":")
    if module.endswith(".py") or "/" in module:
        path = module.removesuffix(".py").removeprefix("./").strip("/").replace("/", ".")
        raise Failure(
            f"{target!r} names a file; serve takes MODULE:APP, here {path}:{attribute or 'app'}"
        )
    parts = [*module.split("."), *attribute.split(".")]
    if not colon or not all(part.isidentifier() for part in parts):
        raise Failure(f"{target!r} is not MODULE:APP, such as {_example(module)}:app")
    return module, attribute


def _example(module: str) -> str:
    return module if all(part.isidentifier() for part in module.split(".")) else "myservice"


def _import(name: str, *, debug: bool) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise _missing(error.name, here) from None
        raise explain(f"importing {name}", error, debug=debug) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever it is, and it may be a SystemExit: it is the user's
        raise explain(f"importing {name}", error, debug=debug) from None


def _missing(name: str, here: str) -> Failure:
    """There is no such module, nor one that is misspelt so: what is there instead?"""
    parent, _, last = name.rpartition(".")
    if not parent:
        where, paths = f" in {here} nor among the installed packages", [here]
    elif hasattr(sys.modules[parent], "__path__"):
        where, paths = "", list(sys.modules[parent].__path__)
    else:
        return Failure(f"there is no module {name!r}; {parent!r} is a module, not a package")
    present = [module.name for module in pkgutil.iter_modules(paths)]
    return Failure(f"there is no module {name!r}{where}{_suggest(last, present)}")


def _attribute(module: ModuleType, path: str) -> object:
    found: object = module
    owner = module.__name__
    for name in path.split("."):
        if not hasattr(found, name):
            public = [other for other in dir(found) if not other.startswith("_")]
            hint = _submodule(found, name) or _suggest(name, public) or _others(module)
            raise Failure(f"{owner} has no attribute {name!r}{hint}")
        owner += f"{':' if found is module else '.'}{name}"
        found = getattr(found, name)
    return found


def _submodule(found: object, name: str) -> str:
    """The hint for `package:app` where the App is in the package's module of that name."""
    paths = getattr(found, "__path__", ()) if inspect.ismodule(found) else ()
    if inspect.ismodule(found) and name in (module.name for module in pkgutil.iter_modules(paths)):
        return f", but a module of that name: {found.__name__}.{name}:app?"
    return ""


def _suggest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _others(module: ModuleType) -> str:
    """The Apps that the module does have."""
    apps = [name for name, value in vars(module).items() if isinstance(value, longrunning.App)]
    return f"; Apps of {module.__name__}: {', '.join(apps)}" if apps else ""


def _takes_nothing(function: Callable[..., object]) -> bool:
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return False
    return True


def _a(value: object) -> str:
    if value is None:
        return "None"
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"


def explain(what: str, error: BaseException, *, debug: bool = False) -> Failure:
    """The one line for an exception out of the user's code: what it is, and where.

    Args:
        what: what was being done.
        error: what the code raised.
        debug: print the traceback as well.
    """
    if debug:
        traceback.print_exception(error)
    text = str(error.msg if isinstance(error, SyntaxError) else error)
    if faults := getattr(error, "faults", None):  # a ServiceConfigError: each names its place
        text = "; ".join(map(str, faults))
    reason = f"{type(error).__name__}: {text}" if text else type(error).__name__
    where = _where(error)
    return Failure(f"{what} failed: {reason}{f' ({where})' if where else ''}")


def _where(error: BaseException) -> str:
    """The last line of the user's own code, which is neither ours nor installed."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename)}, line {error.lineno}"
    for filename, line in reversed(
        [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    ):
        if _is_users(filename):
            return f"{_short(filename)}, line {line}"
    return ""


def _is_users(filename: str) -> bool:
    paths = sysconfig.get_paths()
    installed = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    # Both packages, wherever they are installed from.
    specs = [importlib.util.find_spec(name) for name in ("longrunning", "grpc_transcoding")]
    ours = [str(Path(spec.origin).parent) for spec in specs if spec and spec.origin]
    return not filename.startswith(("<", *installed, *ours))


def _short(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
