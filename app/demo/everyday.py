"""Topics from life beside the shop: planning, travel, recipes.  The eval set's owner did not think of travel
and recipes.
"""

from app.demo.grammar import Topic, lines, words
from app.demo.words import COMMON

TRAVEL = Topic(
    name="travel_planning",
    share=0.03,
    skill=0.74,
    slots={
        **COMMON,
        "party": words(
            """my {relation} / two small children / a dog / {few} friends / my parents / nobody else /
            a baby"""
        ),
        "liking": words(
            """museums / old trains / good bread / hiking / street markets / the sea / quiet /
            architecture / jazz"""
        ),
        "vehicle": words("train / night train / car / ferry / bus / bike / plane"),
    },
    asks=lines("""
        Plan {few} days in {city} with {party}, we like {liking}.
        What is the best way from {city} to {other_city} by {vehicle}?
        Is {city} [worth a visit|too cold|crowded] in {month}?
        Where can I stay in {city} [for under {amount} a night|close to the station|with {party}]?
        What should I pack for {few} days in {city} in {month}?
        {city} or {other_city} for a long weekend with {party}?
        I land in {city} at six in the morning and my {vehicle} leaves at four, what can I see?
        Do I need a visa or a special plug for {city}?
        Find a route from {city} to {other_city} with {few} nice stops for {liking}.
        How much money per day does one need in {city}?
        A day trip from {city} for people who love {liking}?
        What do locals eat in {city}, and where?
    """),
    terse=lines("""
        {few} days in {city}
        {city} to {other_city} by {vehicle}
        {city} in {month} weather
        cheap hotel {city} station
    """),
    contexts=lines("""
        We go on holiday in {month}.
        I travel with {party}.
        None of us has been to {city}.
        My {relation} does not fly.
    """),
    follow_ups=lines("""
        and what if it rains in {city}?
        Is there a {vehicle} back in the evening?
        Something cheaper please, and closer to the centre.
        Swap {liking} for something with children.
    """),
    replies=lines("""
        Day one: the old town and the market. Day two: {liking}. Day three: a slow morning and the river.
        The {vehicle} is the calmest way, with one change; book early for a good price.
        {month} is mild and quiet. Take a light rain jacket.
    """),
)

RECIPES = Topic(
    name="recipes",
    share=0.03,
    skill=0.78,
    slots={
        **COMMON,
        "food": words(
            """lentils / leeks / stale bread / courgettes / chickpeas / potatoes / apples / rice /
            mushrooms / cabbage / eggs"""
        ),
        "other_food": words(
            """feta / spinach / walnuts / ginger / tomatoes / carrots / yoghurt / lemon / coconut milk /
            beans"""
        ),
        "dish": words("soup / curry / pie / salad / stew / risotto / pancakes / cake / gratin / dumplings"),
        "diet": words(
            """vegan / gluten-free / without sugar / low in salt / for toddlers / without onions /
            dairy-free"""
        ),
    },
    asks=lines("""
        What can I cook with {food} and {other_food} [in {minutes}|for {some} people|tonight]?
        I need a recipe for {food} {dish} that is {diet}.
        How long do I [cook|bake|roast] {food} for a {dish}?
        Can I replace {other_food} with something else in a {dish}? My {relation} does not like it.
        My {dish} always turns out [too dry|watery|bland], what am I doing wrong?
        How do I scale a {dish} for {few} people up to {some}?
        Give me a simple {dish} with {food}, {diet} if possible.
        Can {food} {dish} be frozen, and for how long?
        Dinner ideas for a week, {diet}, with plenty of {food}.
        How many grams of {food} per person for a {dish}?
        Which spices go with {food} and {other_food}?
    """),
    terse=lines("""
        {food} {dish} recipe
        {diet} {dish} with {food}
        {food} and {other_food} dinner
        freeze {food} {dish}
    """),
    contexts=lines("""
        Guests are coming on {weekday}.
        I have a small oven and two pots.
        The {food} should be used up today.
        My {relation} eats only {diet} food.
    """),
    follow_ups=lines("""
        and without {other_food}?
        At what temperature, and for how long?
        Can I prepare the {dish} the day before?
        What do I serve with the {dish}?
    """),
    replies=lines("""
        Fry an onion, add the {food} and {other_food}, pour in stock and let it simmer for twenty minutes.
        Use the same weight of {other_food}; add a little more liquid.
        Bake at 180 degrees for about forty minutes, and let the {dish} rest for ten.
    """),
)

PLANNING = Topic(
    name="planning_and_lists",
    share=0.04,
    skill=0.85,
    slots={
        **COMMON,
        "event": words(
            """a move to {city} / a flea market / the {team} offsite / a birthday for {some} children /
            a job interview on {weekday} / my first week as a manager / an open day / spring cleaning /
            a wedding speech / a school fair"""
        ),
        "limit": words("{few} days / one weekend / {amount} / an hour a day / {few} helpers / a small flat"),
    },
    asks=lines("""
        Make a checklist for {event}.
        I have {limit} for {event}, what comes first?
        Help me plan {event} with {limit}.
        Put these in a sensible order: call {person}, book the room, write to {team}, buy food, print the \
            list.
        What do people forget when they organise {event}?
        Divide the work for {event} between {person}, {other_person} and me.
        Write a timeline for {event}, starting {weekday}.
        Give me {some} ideas for {event} [on a budget|that need no preparation|for shy people].
        My to-do list has {some} things and I have {limit}, how do I choose?
        Remind me what to ask {person} about {event}.
    """),
    terse=lines("""
        checklist {event}
        ideas for {event}
        plan {event} {limit}
        timeline {event}
    """),
    contexts=lines("""
        I have never done this before.
        {person} will help me, but only in the evening.
        It all has to be ready {soon}.
        Last time it was chaos.
    """),
    follow_ups=lines("""
        Add what {person} should bring.
        and if it rains on {weekday}?
        Shorten the list to the {few} most important things.
        What can be done the week before?
    """),
    replies=lines("""
        Start with what others have to answer: the place, the helpers and the date. Then food, then the rest.
        Here is a list in order: invite, book, buy, cook, print, tidy up.
        With {limit} I would drop everything that guests will not notice.
    """),
)
