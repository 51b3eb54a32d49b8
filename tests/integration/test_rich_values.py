"""Values of declared types pass through inputs, kept steps and results as they are, whichever process works."""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, Secret, SecretStr, field_serializer
from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict

from outlast import InvalidInput, Outlast, step
from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.payload import MAX_RESULT, Codec, validate_values
from outlast.settings import load_settings


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Page(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    raw: bytes
    read_at: datetime
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Price:
    amount: Decimal
    of: date
    raw: bytes = b""
    seen: tuple[Colour, ...] = ()


class Row(TypedDict):
    key: UUID
    raw: bytes


@dataclass
class Basket:
    prices: list[Price]
    pages: dict[str, Page] = field(default_factory=dict)
    row: Row | None = None


BYTES = st.binary(max_size=20)
TIMES = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds it
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
PRICES = st.builds(Price, DECIMALS, st.dates(), BYTES, st.lists(st.sampled_from(Colour), max_size=3).map(tuple))
PAGES = st.builds(Page, raw=BYTES, read_at=TIMES, tags=st.frozensets(st.text(max_size=5), max_size=3))
ROWS = st.fixed_dictionaries({"key": st.uuids(), "raw": BYTES})
VALUES: Mapping[Any, st.SearchStrategy[Any]] = {
    bytes: BYTES,
    datetime: TIMES,
    date: st.dates(),
    timedelta: st.timedeltas(min_value=timedelta(days=-1000), max_value=timedelta(days=1000)),
    Decimal: DECIMALS,
    UUID: st.uuids(),
    Colour: st.sampled_from(Colour),
    Level: st.sampled_from(Level),
    Literal["a", 1]: st.sampled_from(["a", 1]),
    set[int]: st.sets(st.integers(-(2**53), 2**53), max_size=4),
    tuple[int, str]: st.tuples(st.integers(-(2**53), 2**53), st.text(max_size=5)),
    Page: PAGES,
    Price: PRICES,
    Row: ROWS,
    Basket: st.builds(Basket, st.lists(PRICES, max_size=2), st.dictionaries(st.text(), PAGES, max_size=2), ROWS),
    Annotated[bytes, Field(max_length=30)]: BYTES,
    list[bytes | None]: st.lists(BYTES | st.none(), max_size=3),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", VALUES, ids=str)
def test_a_value_of_a_declared_type_comes_back_equal_and_of_the_same_type(kind):
    def work(value: kind, more: kind | None = None) -> kind: ...

    analysis = Analysis("works", work)
    kept = step("Keeping")(work).codec

    @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
    @given(VALUES[kind])
    def passes(value):
        started = validate_values(analysis.input, {"value": value})
        read = analysis.input.model_validate_json(started.model_dump_json())
        for came_back in (
            started.value,
            read.value,
            analysis.codec.round_trip(value, MAX_RESULT, "It")[1],
            kept.load(kept.dump(value, MAX_RESULT, "It", ascii_only=True)),
        ):
            assert came_back == value
            assert type(came_back) is type(value)

    passes()


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    read_at: int


class CamelOrOwn(Camel):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)


class CamelBothWays(Camel):
    model_config = ConfigDict(serialize_by_alias=True)


class OneOfTwo(BaseModel):
    read_at: int = Field(validation_alias=AliasChoices("at", "read_at"))


class Shown(BaseModel):
    secret: SecretStr

    @field_serializer("secret")
    def show(self, secret: SecretStr) -> str:
        return secret.get_secret_value()


class Plain(enum.Enum):
    DAY = date(2026, 1, 2)


LOST = [Camel, list[Camel], SecretStr, Secret[int], str | bytes, bytes | str | None, Iterable[int], Plain]
LOST += [Literal[Colour.RED], Literal[b"a"]]
LOST += [
    date | str,
    str | None | Decimal,
    Path | str,
    Colour | str,
    list[timedelta | str],
    Level | int,
    float | Level,
]


@pytest.mark.parametrize(
    "kind", [UUID | str, date | None, date | datetime, Level | str, Colour | int, Literal["a"] | date]
)
def test_a_union_whose_values_come_back_is_accepted(kind):
    def takes(value: kind) -> None: ...

    Analysis("works", takes)


@pytest.mark.parametrize("kind", LOST, ids=str)
def test_a_type_whose_values_do_not_come_back_is_refused(kind):
    def takes(value: kind) -> None: ...

    def returns() -> kind: ...

    for work in (takes, returns):
        with pytest.raises(TypeError, match=r"^The (input|result) of the analysis 'works': \w+ (has|writes) "):
            Analysis("works", work)


KEPT = [
    CamelOrOwn(read_at=1),
    CamelBothWays(readAt=1),
    OneOfTwo(at=1),
    Shown(secret=SecretStr("hush")),
]


@pytest.mark.parametrize("value", KEPT, ids=repr)
def test_a_model_with_its_own_names_comes_back(value):
    def work(value: type(value)) -> type(value): ...

    analysis = Analysis("works", work)
    started = validate_values(analysis.input, {"value": value})
    assert analysis.stored_input(started.model_dump_json()).value == value
    assert analysis.codec.round_trip(value, MAX_RESULT, "It")[1] == value


def test_bytes_are_base64_in_json():
    assert Codec(Price).dump(Price(Decimal("1.10"), date(2026, 1, 2), b"\xff\x00"), 1000, "It") == (
        '{"amount":"1.10","of":"2026-01-02","raw":"_wA=","seen":[]}'
    )


def test_code_may_also_pass_what_an_http_client_may_send():
    def work(raw: bytes, at: datetime, price: Price) -> None: ...

    model = Analysis("works", work).input
    as_json = {"raw": "_w==", "at": "2026-01-02T03:04:05Z", "price": {"amount": "1", "of": "2026-01-02"}}
    started = validate_values(model, as_json | {"raw": b"\xff"})
    assert (started.raw, started.at.year, started.price) == (b"\xff", 2026, Price(Decimal(1), date(2026, 1, 2)))


@pytest.mark.parametrize(
    ("values", "pointer"),
    [({}, "/at"), ({"at": "soon"}, "/at"), ({"at": object()}, "/at"), ({"at": 1, "when": 2}, "/when")],
)
def test_a_value_of_another_type_is_refused_where_it_stands(values, pointer):
    def work(at: datetime) -> None: ...

    with pytest.raises(InvalidInput) as refused:
        validate_values(Analysis("works", work).input, values)
    assert refused.value.faults[0][0] == pointer


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_cannot_represent_are_refused(number):
    def work(n: float) -> None: ...

    with pytest.raises(InvalidInput, match="which JSON cannot represent"):
        validate_values(Analysis("works", work).input, {"n": number})


@pytest.mark.slow
async def test_they_pass_through_a_real_worker_and_a_second_attempt(tmp_path: Path):
    site = Outlast(load_settings(data_dir=tmp_path, shutdown_grace=0))
    basket = Basket(
        [Price(Decimal("1.10"), date(2026, 1, 2), b"\xff", (Colour.BLUE,))],
        {"a": Page(raw=b"\x00\xfe", read_at=datetime(2026, 1, 2, tzinfo=UTC))},
        {"key": UUID(int=7), "raw": b"\x80"},
    )
    attempts = []

    @step("Keeping")
    def keep(basket: Basket) -> Basket:
        attempts.append(basket)
        return basket

    @site.analysis("keeps", steps=[keep])
    def keeps(basket: Basket, level: Level = Level.HIGH) -> tuple[Basket, Level]:
        kept = keep(basket)
        if len(attempts) == 1:
            attempts.append(kept)
            raise RuntimeError("once")
        return kept, level

    async with site.lifespan(workers=1):
        assert await keeps.run(basket) == (basket, Level.HIGH)
    assert attempts == [basket, basket]
