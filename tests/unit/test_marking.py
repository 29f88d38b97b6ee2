"""What is marked in Dutch text, by examples of our own: what stands in brackets must be marked."""

import re
from itertools import pairwise

import pytest

from services.stories.marking import Mark, Marker, load_marker, marked

NAMES = """
[mevrouw best] was aardig | [mw de groot] belde niet terug | toen kwam [roos van dam] langs
[j. de wit] van de gemeente | [dhr. j.p. de groot] zei nee | ik sprak met [meneer van 't hof]
bij [ma hilda] eten we elke week | mijn vriendin [beer] hielp | [tante toos] en [oom piet] kwamen
[meneer van der goot] | met groet, [wil bakker] | onze [mark] is ziek | ik ben [bea]
[dr. van rijn] is mijn huisarts | de heer [van de kamp] | dokter [vos] vond dat | [ans] en [mieke de koning]
[joke de wilde] | volgens [hr vd berg] | het was [mevrouw peters-de boer] | mijn man heet [frits]
[willem-jan bos] | [fam. de bruin] woont hier | ik heb [bakker] nog gebeld, [meneer bakker] | [an van der sluis]
onze zoon [lars] en dochter [fleur] | advocaat [mr. de raad] | mijn buurvrouw [fatima el amrani] zei niets
mijn zoon [mehmet yildirim] belde | ik heet [oluwaseun adeyemi] | [xin yi chen] kwam | [nguyen thi lan] is ziek
[abdirahman warsame] wacht | [aleksandra kowalczyk] ook | [ali], [roos] en [kees] | [meneer k.]
"""
PLACES = """
we wonen in [made] | wij komen uit [best] en werken in [goes] | [verpleeghuis de wilgenhof] is vol
in [de vogelwijk] hoor je alles | bij [buurthuis de klaproos] kreeg ik soep | op [basisschool de regenboog]
[wijkteam noord] belde | in [den ham] kent iedereen elkaar | het [martini ziekenhuis] belde
bij [huize avondrust] is geen plek | via [stichting de brug] kreeg ik hulp | [dorpshuis ons huis]
in [wijkcentrum het open huis] | [moskee al fath] | bij [apotheek van dijk] | ik woon in [oud west]
uit [alphen aan den rijn] | [voedselbank zaanstreek] | [openbare basisschool de ark] | in [bergen op zoom]
[het oude noorden] is een rauwe buurt
"""
ADDRESSES = """
[molenweg 12,7811 ab] | [kerkstr. 5] | [burg. de vlugtlaan 12-3 hoog] | [plein 1944 nr 5]
[prof. lorentzlaan 8 bis] | [postbus 123] | [oude gracht 34] | [1e oosterparkstraat 12] | [laan van de vrede 3]
[jan van eyckstraat nummer drie] | [weg naar de duinen 3] | [bospad 3], [3512 xk] | [st. annastraat 12]
[koningin wilhelminaplein 5-c] | postcode [7823 en] | [beukenhage 14] | [de kolk 7]
"""
CONTACTS = """
mail naar [jan.devries at gmail punt com] | bel [06-12 34 56 78]
[nul zes twaalf vierendertig zesenvijftig achtenzeventig] | op [nl91 abna 0417 1643 00] | mijn bsn is [111222333]
zie [www.voorbeeld.nl/ik] | ik ben [@kees_uit_emmen] | [+31 6 1234 5678]
"""
ORDINARY = """
Ik heb drie jaar gewacht op schuldhulp. De brief van het UWV kwam in mei 2023, en toen moest ik 1.250 euro betalen.
toen ik bij de gemeente kwam voor een uitkering moest ik eerst bewijzen dat ik geen spaargeld had, heel raar.
het keukentafelgesprek met de wmo consulente duurde een kwartier, ze keek niet eens op van haar laptop.
Op 12-03-2024 belde ik weer. Om 10.30 uur stond ik in de wacht, 45 minuten lang, en dat voor € 87,50 per maand.
"""


def examples(text: str) -> list[str]:
    return [part.strip() for line in text.strip().splitlines() for part in line.split("|")]


@pytest.fixture(scope="module")
def marker() -> Marker:
    return load_marker()


def missed(marker: Marker, example: str) -> list[str]:
    """What stands in brackets and is not wholly marked."""
    parts = re.split(r"[\[\]]", example)
    text, within = "".join(parts), set[int]()
    for mark in marker.marks(text):
        within |= set(range(mark.start, mark.end))
    starts = [sum(map(len, parts[:at])) for at in range(len(parts))]
    spans = [range(starts[at], starts[at] + len(parts[at])) for at in range(1, len(parts), 2)]
    return [
        text[span.start : span.stop] for span in spans if any(text[at].isalnum() and at not in within for at in span)
    ]


@pytest.mark.parametrize("example", examples(NAMES) + examples(PLACES) + examples(ADDRESSES) + examples(CONTACTS))
@pytest.mark.parametrize("cased", [str.lower, str.upper])
def test_what_points_to_somebody_is_marked_in_small_letters_and_in_capitals(
    marker: Marker, example: str, cased: type[str]
) -> None:
    assert missed(marker, cased(example)) == []


@pytest.mark.parametrize("text", examples(ORDINARY))
def test_ordinary_text_is_left_as_it_is(marker: Marker, text: str) -> None:
    assert marked(text, marker.marks(text)) == text


def test_marks_are_in_order_apart_and_say_how_they_were_found(marker: Marker) -> None:
    text = "Mevrouw Jansen uit Emmen, geboren op 12-03-1980, woont Kerkstraat 12a; bel 0612345678."
    marks = marker.marks(text)
    assert [mark.kind for mark in marks] == ["name", "place", "date_of_birth", "address", "contact"]
    assert all(one.end <= other.start for one, other in pairwise(marks))
    assert {mark.found_by for mark in marks} <= {"list", "capital", "context", "unknown", "pattern"}
    shown = "[naam] uit [plaats], geboren op [geboortedatum], woont [adres]; bel [contact]."
    assert marked(text, marks) == shown


def test_marks_that_overlap_are_shown_once() -> None:
    text = "Karin Jansen belt 0612345678"
    marks = [Mark(0, 5, "name", "list"), Mark(0, 12, "name", "deduce"), Mark(18, 28, "contact", "pattern")]
    assert marked(text, marks) == "[naam] belt [contact]"


@pytest.mark.parametrize("text", ["", " ", "...", "\n\n", "🙂", "x" * 10_000, "a b " * 5_000])
def test_any_text_can_be_marked(marker: Marker, text: str) -> None:
    assert all(0 <= mark.start < mark.end <= len(text) for mark in marker.marks(text))
