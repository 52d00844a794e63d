"""Why a case refuses: each rule by what is wrong."""

from chassis.errors import Forbidden, NotFound, Rejected


class NoSuchCase(NotFound):
    """The conversation has no case, or none yet."""

    code = "no_such_case"


class WithoutPersona(Rejected):
    """A reply goes out under a named, registered persona, never in a corporate voice."""

    code = "without_persona"
    status = 422
    requirement = "K24"


class PersonaOfAnotherBrand(Rejected):
    """The persona answers for another brand."""

    code = "persona_of_another_brand"
    status = 422
    requirement = "K24"


class OnlyTheBrandAnswersComplaints(Forbidden):
    """An agency may answer, but not a complaint."""

    code = "only_the_brand_answers_complaints"
    requirement = "K14"


class NothingToAnswer(Rejected):
    """The conversation has its answer already."""

    code = "nothing_to_answer"


class ReplyUnderway(Rejected):
    """Another reply to this conversation is on its way."""

    code = "reply_underway"


class NeverDrafted(Rejected):
    """The reply was never drafted in this case."""

    code = "never_drafted"


class AuthorForgotten(Rejected):
    """The author asked to be forgotten, so nobody can be answered."""

    code = "author_forgotten"
    status = 410
