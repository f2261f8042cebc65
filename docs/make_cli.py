"""Write docs/cli.md from the commands themselves: `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from roundelay.cli import root


def pages(command: click.Command, path: str) -> list[str]:
    """Return the help of a command and of all below it, as Markdown."""
    context = click.Context(command, info_name=path, max_content_width=100, terminal_width=100)
    parts = [f"{'#' * (2 + path.count(' '))} {path}\n\n```text\n{command.get_help(context)}\n```\n"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            parts += pages(child, f"{path} {name}")
    return parts


def main() -> None:
    text = "# The command line\n\nMade from the code by `make docs`; do not edit.\n\n" + "\n".join(
        pages(root, "roundelay")
    )
    if "--print" in sys.argv:
        sys.stdout.write(text)
    else:
        Path(__file__).with_name("cli.md").write_text(text, encoding="utf-8")


main()
