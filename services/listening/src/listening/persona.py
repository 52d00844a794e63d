"""A persona: the name under which a brand answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.decider import Decider
from chassis.errors import Rejected
from listening.events import PersonaEvent, PersonaRegistered


class PersonaTaken(Rejected):
    """The persona is registered with another brand or name."""

    code = "persona_taken"


class Nameless(Rejected):
    """A persona needs a name that people can call it by."""

    code = "nameless"
    status = 422
    requirement = "K24"


@dataclass(frozen=True, kw_only=True, slots=True)
class RegisterPersona:
    """Answer under one more name."""

    persona_id: UUID
    brand: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Persona:
    """What the rules need to know of a persona."""

    brand: str | None = None
    name: str = ""


def decide(persona: Persona, command: RegisterPersona) -> Sequence[PersonaEvent]:
    """Register a persona once; the same again is harmless."""
    if not command.name.strip():
        raise Nameless("Give the persona a name.")
    if persona.brand is None:
        return [
            PersonaRegistered(
                persona_id=command.persona_id, brand=command.brand, name=command.name.strip()
            )
        ]
    if (persona.brand, persona.name) != (command.brand, command.name.strip()):
        raise PersonaTaken(str(command.persona_id))
    return []


def evolve(persona: Persona, event: PersonaEvent) -> Persona:
    """Apply one fact."""
    del persona
    return Persona(brand=event.brand, name=event.name)


PERSONA: Decider[Persona, RegisterPersona, PersonaEvent] = Decider(
    category="persona", initial=Persona(), decide=decide, evolve=evolve
)
