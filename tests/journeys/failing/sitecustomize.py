"""Python loads this before anything else where it is on the path: it breaks one handler.

Attribution raises for orders of one shop, as a defect that somebody deployed would.  The
module is changed after its import and not imported here: eventlet has to patch first.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

BROKEN = "campaigns.service"


class Defect(Loader):
    """Runs the true module, then puts the defect in."""

    def __init__(self, true: Loader) -> None:
        self._true = true

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Make the module as its own loader would."""
        return self._true.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run it, and make one handler fail for some orders."""
        self._true.exec_module(module)
        sound = module.CampaignsService.on_order_placed

        def defective(self: Any, work: Any, received: Any) -> None:
            if b'"cursed-shop"' in received.envelope.data:
                raise ZeroDivisionError("orders of this shop cannot be divided")
            sound(self, work, received)

        # nameko finds the entrypoint by what the decorator noted on the function.
        defective.__dict__.update(sound.__dict__)
        module.CampaignsService.on_order_placed = defective


class Saboteur(MetaPathFinder):
    """Finds one module before everybody else does."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the broken module's own spec with another loader."""
        spec = PathFinder.find_spec(name, path, target) if name == BROKEN else None
        if spec is not None and spec.loader is not None:
            spec.loader = Defect(spec.loader)
        return spec


sys.meta_path.insert(0, Saboteur())
