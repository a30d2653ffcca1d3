"""The typer application: it gathers the command groups and maps errors to exit codes."""

from __future__ import annotations

import gc
import os
from importlib import import_module

import typer
from typer._click.exceptions import NoArgsIsHelpError
from typer._click.exceptions import UsageError as ClickUsageError

from signkit.cli import output
from signkit.errors import FileError, SignkitError, UsageError

_INTERRUPTED = 130
_ALLOCATIONS_BETWEEN_COLLECTIONS = 200_000

# Each module has a function `register(app)` that adds its commands, in the order of the road.
_COMMANDS = (
    "keys",
    "prepare",
    "show",
    "script",
    "sign",
    "ledger",
    "combine",
    "import-signatures",
    "submit",
    "policy",
    "verify",
    "extract",
    "trust",
    "registry",
)


def _make_app(arguments: list[str]) -> typer.Typer:
    """Return the application with the command that is asked for; with all where none is."""
    app = typer.Typer(
        name="signkit",
        help="Sign binaries with keys that never touch a network.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_root)
    for name in [name for name in arguments[:1] if name in _COMMANDS] or _COMMANDS:
        import_module(f"signkit.cli.{name.replace('-', '_')}").register(app)
    return app


def _root(
    *, show_version: bool = typer.Option(False, "--version", help="Print the version and exit.")
) -> None:
    if show_version:
        from importlib.metadata import version  # 30 ms that no other command needs

        output.show_result({}, f"signkit {version('signkit')}", as_json=False)
        raise typer.Exit


def _defect(error: Exception) -> SignkitError:
    if "SIGNKIT_TRACEBACK" in os.environ:
        import traceback

        traceback.print_exception(error)
    what = f"{type(error).__name__}: {error}".rstrip(": ")
    hint = "a defect of signkit: please report it; SIGNKIT_TRACEBACK=1 shows where it happened"
    return SignkitError(f"unexpected {what}", hint=hint)


def _failed(error: OSError) -> SignkitError:
    what = str(error.strerror or error).lower()
    where = f"{str(error.filename)[:200]}: " if error.filename else ""
    return FileError(f"{where}{what}", hint="check the path, its permissions and free space")


def run_app(arguments: list[str]) -> int:
    """Run one command.

    Args:
        arguments: The command line without the program's name.

    Returns:
        The exit code: 0, or that of the error (docs/reference/errors.md).
    """
    # A command makes many values that live to its end: looking for cycles among them is in vain.
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
    try:
        code = _run(arguments)
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except SignkitError as error:
        return output.fail(error, as_json="--json" in arguments)
    except OSError as error:  # a name that no file can have, a disk that fails: no defect of ours
        return output.fail(_failed(error), as_json="--json" in arguments)
    except Exception as error:  # noqa: BLE001  (the net under everything: no traceback for users)
        return output.fail(_defect(error), as_json="--json" in arguments)
    if code == _INTERRUPTED:  # typer answers Ctrl-C with this exit code
        raise KeyboardInterrupt
    return code


def _run(arguments: list[str]) -> int:
    """Run typer and speak its ways of ending in ours."""
    try:
        code = _make_app(arguments)(args=arguments, prog_name="signkit", standalone_mode=False)
    except typer.Exit as error:
        return error.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except NoArgsIsHelpError:  # the help is printed already: there is nothing to add
        return UsageError.exit_code
    except ClickUsageError as error:
        command = error.ctx.command_path if error.ctx else "signkit"
        message = " ".join(error.format_message().split())  # typer breaks lines where it lists
        raise UsageError(message, hint=f"see {command} --help") from error
    return code if isinstance(code, int) else 0
