"""The command line: `roundelay ROOM VERB`. Each room keeps its own verbs; they load when they are called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from roundelay import __version__
from roundelay.errors import RoundelayError

# room -> module that holds its click group, or module:name of a verb that is a room by itself
ROOMS = {
    "bench": "roundelay.server.verbs:bench",
    "doctor": "roundelay.voice.cli.doctor:doctor",
    "fabric": "roundelay.fabric.cli.verbs",
    "serve": "roundelay.server.verbs:serve",
    "talk": "roundelay.server.verbs:talk",
    "train": "roundelay.train.verbs",
    "voice": "roundelay.voice.cli.verbs",
}


class Rooms(click.Group):
    """A group whose subgroups are imported only when named, so that `--help` costs nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *ROOMS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in ROOMS:
            module, _, name = ROOMS[cmd_name].partition(":")
            return getattr(import_module(module), name or "group")
        return super().get_command(ctx, cmd_name)


@click.group(cls=Rooms, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="roundelay")
def root() -> None:
    """A voice that runs offline, and the planner of the fabric it is trained on."""


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 the user's input cannot be used, 130 interrupted."""
    try:
        code = root.main(args=argv, prog_name="roundelay", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        code = 0
    except click.ClickException as error:
        click.echo(f"error: {error.format_message()}", err=True)
        code = 2
    except RoundelayError as error:
        click.echo(f"error: {error}", err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
