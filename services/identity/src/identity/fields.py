"""What a field of a request may hold."""

from typing import Annotated

from marshmallow import validate

from chassis.schemas import Readable, Whole

Short = Annotated[str, validate.Length(min=1, max=200), Readable()]
Address = Annotated[str, validate.And(validate.Length(max=254), validate.Email())]
Country = Annotated[str, Whole(r"^[A-Z]{2}$", error="Not an ISO 3166 code.")]
