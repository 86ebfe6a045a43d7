"""Images made of servers, and servers made anew from images."""

import argparse
from typing import Any

from novasim.cli import lookup
from novasim.cli.command import key_value, natural
from novasim.cli.server_actions import Action

# From here on the answer names the new image.
IMAGE_ID_VERSION = "2.45"


class _Making(Action):
    """An action that makes an image of a server."""

    def send(self, server_id: str, value: Any, version: str | None) -> str | None:
        """Send it and show the id of the image."""
        answer = self.client.request("POST", f"/servers/{server_id}/action", {self.verb: value}, version=version)
        self.say(f"image_id: {answer.body['image_id']}")
        return answer.request_id


class Create(_Making):
    """Make an image of a server."""

    verb, said = "createImage", "image-create"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the image's name and metadata."""
        super().add_arguments(parser)
        parser.add_argument("name", metavar="NAME", help="name of the image")
        parser.add_argument("--metadata", type=key_value, action="append", default=[], metavar="KEY=VALUE",
                            help="metadata of the image (repeatable)")

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return name and metadata."""
        metadata = {"metadata": dict(parsed_args.metadata)} if parsed_args.metadata else {}
        return {"name": parsed_args.name} | metadata, IMAGE_ID_VERSION


class Backup(_Making):
    """Make an image of a server and keep the newest ones of its type."""

    verb, said = "createBackup", "backup"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the image's name, its type and how many are kept."""
        super().add_arguments(parser)
        parser.add_argument("name", metavar="NAME", help="name of the image")
        parser.add_argument("backup_type", metavar="TYPE", help="any word, such as daily or weekly")
        parser.add_argument("rotation", metavar="ROTATION", type=natural, help="how many of this type are kept")

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return all three."""
        return ({"name": parsed_args.name, "backup_type": parsed_args.backup_type,
                 "rotation": parsed_args.rotation}, IMAGE_ID_VERSION)


class Rebuild(Action):
    """Make a server anew from an image: same id, same host, an empty disk."""

    verb, said = "rebuild", "rebuild"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the image, and what else the server is to be from now on."""
        super().add_arguments(parser)
        parser.add_argument("image", metavar="IMAGE", help="id or name of the image")
        parser.add_argument("--rebuild-password", metavar="PASSWORD", help="of its administrator; made up if not given")
        parser.add_argument("--name", help="another name for the server")
        parser.add_argument("--description", help="another description")
        parser.add_argument("--meta", type=key_value, action="append", default=[], metavar="KEY=VALUE",
                            help="metadata in place of what it has (repeatable)")
        parser.add_argument("--preserve-ephemeral", action="store_true", help="keep its ephemeral disk")

    def body(self, parsed_args: argparse.Namespace) -> tuple[Any, str | None]:
        """Return the image and what is given; a description can be given since 2.19."""
        given = {"adminPass": parsed_args.rebuild_password, "name": parsed_args.name,
                 "metadata": dict(parsed_args.meta), "description": parsed_args.description,
                 "preserve_ephemeral": parsed_args.preserve_ephemeral}
        image = {"imageRef": lookup.image_id(self.client, parsed_args.image)}
        version = "2.19" if parsed_args.description else None
        return image | {name: value for name, value in given.items() if value}, version

    def send(self, server_id: str, value: Any, version: str | None) -> str | None:
        """Send it and show the password."""
        answer = self.client.request("POST", f"/servers/{server_id}/action", {self.verb: value}, version=version)
        self.say(f"adminPass: {answer.body['server']['adminPass']}")
        return answer.request_id
