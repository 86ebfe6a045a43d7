"""The agents of the release before, as a program: what they are asked in a later version they do not understand.

They answer the 2.x messages only and say so in ``services.version``; their own caps are in their configuration.
"""

import sys

from novasim.launch import seam

seam.choose(seam.wanted(sys.argv[1:]))

from novasim import version  # noqa: E402

version.SERVICE_VERSION = 0

from novasim.launch import service  # noqa: E402
from novasim.rpc.compute import Compute  # noqa: E402

Compute.version, Compute.older_versions = "2.47", ()
sys.exit(service.main("compute", sys.argv[1:]))
