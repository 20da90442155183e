"""The shop's world: its products, people, places and numbers, shared by every topic.

Two fillers look like personal data, on purpose, so that redaction downstream has something to find:
`PERSONAL_EMAIL` in account access and `PERSONAL_PHONE` in delivery, and nothing else anywhere.
Both are reserved for fiction.
"""

from app.demo.grammar import Slots, words

PERSONAL_EMAIL = "mira.holt@example.com"
PERSONAL_PHONE = "+1 202 555 0142"

PRODUCTS = words(
    """Tandem 14 laptop / Tandem 16 laptop / Orrin 6 router / Piccolo 220 printer / Halden 27 monitor /
    Vireo headphones / Mosaic tablet / Quillet e-reader / Cobble keyboard / Tern wireless mouse /
    Larder network drive / Pebble webcam / Fathom speaker / Kelda docking station / Wick desk lamp /
    Sprig phone"""
)
MODELS = words(
    """Tandem 14 / Tandem 16 / Orrin 6 / Piccolo 220 / Halden 27 / Vireo / Mosaic / Quillet / Cobble /
    Larder / Pebble / Fathom / Kelda / Sprig"""
)
SOFTWARE = words("Orlo Notes / Tallyfern / Brambledesk / Inklet / Moorpost / Sheafplan")
PLANS = words("Solo / Duo / Family / Team / Team Plus / Studio / Business / Starter")
CITIES = words(
    """Lisbon / Porto / Vienna / Ghent / Turin / Oslo / Bergen / Krakow / Seville / Lyon / Zagreb /
    Tallinn / Cork / Bristol / Malmo / Split / Basel / Leipzig / Valencia / Riga"""
)
AMOUNTS = words("$#9 / $#4.90 / $1#.99 / $2#.50 / $1#9 / $8#.00 / $#49 / $##.#0 / 1#9 euros / ##.50 euros")
PEOPLE = words(
    """Priya / Tomas / Ingrid / Kwame / Leila / Jonas / Mei / Rafael / Agnes / Dmitri / Yusuf / Clara /
    Hana / Bruno / Noor / Felix / Amara / Stefan / Olive / Hugo"""
)
MONTHS = words(
    """January / February / March / April / May / June / July / August / September / October / November /
    December"""
)
WEEKDAYS = words("Monday / Tuesday / Wednesday / Thursday / Friday / Saturday / Sunday")
TEAMS = words(
    """sales / marketing / finance / design / support / warehouse / hiring / product / legal / research /
    facilities"""
)

COMMON: Slots = {
    "product": PRODUCTS,
    "other_product": PRODUCTS,
    "model": MODELS,
    "other_model": MODELS,
    "software": SOFTWARE,
    "other_software": SOFTWARE,
    "plan": PLANS,
    "other_plan": PLANS,
    "city": CITIES,
    "other_city": CITIES,
    "amount": AMOUNTS,
    "other_amount": AMOUNTS,
    "order": words("HD-##### / HD-##### / order ##### / #####"),
    "invoice": words("INV-#### / INV-####-# / no. ####"),
    "person": PEOPLE,
    "other_person": PEOPLE,
    "month": MONTHS,
    "other_month": MONTHS,
    "weekday": WEEKDAYS,
    "other_weekday": WEEKDAYS,
    "date": words("{month} # / {month} 1# / {month} 2# / the 1#th of {month} / {weekday}"),
    "ago": words(
        """yesterday / two days ago / three days ago / last {weekday} / a week ago / almost two weeks ago /
        on {date} / last month / this morning / a few days back"""
    ),
    "soon": words("today / by {weekday} / before the weekend / this week / by the end of {month} / tomorrow"),
    "few": words("two / three / four / five / six / seven"),
    "some": words("two / three / five / eight / ten / a dozen / twenty"),
    "minutes": words("five minutes / ten minutes / a quarter of an hour / half an hour / an hour"),
    "team": TEAMS,
    "relation": words(
        """wife / husband / mother / father / son / daughter / boss / colleague / flatmate / sister /
        neighbour / client"""
    ),
}
