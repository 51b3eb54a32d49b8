"""What pydantic says about the fields of a form: it makes these sentences, and the catalogues need them (pure)."""

from typing import Final

from outlast.domain.messages import message, plural

FAULTS: Final = (
    message("Input should be a valid integer."),
    message("Input should be a valid integer, unable to parse string as an integer."),
    message("Input should be a valid integer, got a number with a fractional part."),
    message("Input should be a valid number."),
    message("Input should be a valid number, unable to parse string as a number."),
    message("Input should be a valid decimal."),
    message("Input should be a finite number."),
    message("Input should be greater than {bound}."),
    message("Input should be greater than or equal to {bound}."),
    message("Input should be less than {bound}."),
    message("Input should be less than or equal to {bound}."),
    message("Input should be a multiple of {number}."),
    message("Input should be a valid string."),
    plural("String should have at least {n} character.", "String should have at least {n} characters.", 1),
    plural("String should have at most {n} character.", "String should have at most {n} characters.", 1),
    message("String should match pattern {pattern}."),
    message("Input should be a valid boolean."),
    message("Input should be a valid boolean, unable to interpret input."),
    message("Input should be a valid date or datetime, {fault}."),
    message("Input should be a valid date in the format YYYY-MM-DD, {fault}."),
    message("Input should be a valid datetime, {fault}."),
    message("Input should be a valid datetime or date, {fault}."),
    message("Input should have timezone info."),
    message("Input should not have timezone info."),
    message("Input should be in a valid time format, {fault}."),
    message("Input should be a valid duration, {fault}."),
    message("Input should be a valid URL, {fault}."),
    message("URL scheme should be {schemes}."),
    message("Input should be a valid UUID, {fault}."),
    message("Input should be {choices}."),
    plural(
        "List should have at least {n} item after validation, not {found}.",
        "List should have at least {n} items after validation, not {found}.",
        1,
        found=0,
    ),
    plural(
        "List should have at most {n} item after validation, not {found}.",
        "List should have at most {n} items after validation, not {found}.",
        1,
        found=2,
    ),
    message("Extra inputs are not permitted."),
)
