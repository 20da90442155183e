"""Topics of what is broken or slow: warranty and repair, slow computers."""

from app.demo.grammar import Topic, lines, words
from app.demo.words import COMMON

WARRANTY = Topic(
    name="warranty_repair",
    share=0.05,
    skill=0.87,
    slots={
        **COMMON,
        "ticket": words("R-#### / R-#####"),
        "defect": words(
            """has a cracked screen / makes a clicking noise / does not charge any more / gets very hot /
            has a dead pixel / lost a key / smells burnt / shuts down at random / has a loose hinge /
            hums loudly"""
        ),
    },
    asks=lines("""
        My {product} {defect}. [Is that covered?|Can you repair it?|What are my options?]
        How long is the warranty on [the|a] {product}? \
            ==> Two years from delivery, three when you registered it within a month.
        I dropped my {model} and now it {defect}, what would a repair cost?
        Where do I find the serial number of the {product}? \
            ==> On the underside next to the barcode, and in Settings under About.
        Can I have my {model} repaired in {city} instead of sending it in?
        Repair ticket {ticket} has said "waiting for parts" for {few} weeks.
        Do I lose the warranty if I [change the battery myself|open the case|add memory]?
        I bought the {product} second-hand, does the warranty [move to me|still count]?
        Will my files survive the repair of the {product}?
        Could I borrow a replacement while the {model} is being repaired?
        The {product} came back from repair {ago} and it {defect} again.
        Is an extended warranty of {amount} sensible for a {product}?
    """),
    terse=lines("""
        {product} warranty length
        repair status {ticket}
        {model} screen repair cost
        battery swap {model} price
    """),
    contexts=lines("""
        I have had the {product} for {few} months.
        It happened {ago} while I was in a call.
        I work from home and cannot be without it for long.
        The receipt is somewhere, I only have the order number {order}.
    """),
    follow_ups=lines("""
        and how long will the repair take?
        Do I pay if the workshop finds nothing?
        Can you use parts for the {model} that are already in {city}?
        What if it {defect} again in a month?
    """),
    replies=lines("""
        That is covered. I have opened a repair ticket, and the label follows.
        Drops are not part of the warranty; the workshop sends an estimate before it starts.
        Repairs take about eight working days, and we can lend you a unit meanwhile.
        Please back up your files first; the workshop may need to reset the device.
    """),
)

SLOW = Topic(
    name="slow_computer",
    share=0.05,
    skill=0.8,
    slots={
        **COMMON,
        "doing": words(
            """opening a browser / starting up / a video call / switching between windows /
            scrolling long documents / saving a file / waking from sleep / watching a film"""
        ),
        "symptom": words(
            "freezes / gets loud / turns terribly slow / stutters / shows a blue screen / restarts"
        ),
    },
    asks=lines("""
        My {model} {symptom} when {doing}. [What can I do?|Is it broken?|How do I fix it?]
        Why does the fan run all the time [even when nothing is open|when {doing}]?
        The laptop takes {minutes} to start, it used to be quick.
        Would more memory help, or is it the disk? I notice it when {doing}.
        How do I see which program [eats the battery|uses all the memory|slows it down]? \
            ==> Open Activity from the menu and sort by Memory or Energy.
        Is it safe to [uninstall|stop] {software} if I never use it?
        The battery of my {model} lasts only {few} hours, is that normal after [a year|{few} months]?
        The update of {date} made my {model} slower. Can I go back?
        How do I reset the {model} without losing my documents? \
            ==> Choose Refresh in Settings, Recovery; it keeps your documents and removes programs.
        A window says the disk is nearly full, what can be deleted [safely|without regret]?
        It {symptom} every time I plug in the {other_model}.
        The screen flickers when {doing}, mostly on battery.
    """),
    terse=lines("""
        {model} very slow
        laptop {symptom} when {doing}
        fan always loud
        battery drains fast {model}
    """),
    contexts=lines("""
        The computer is {few} years old.
        I have {some} tabs open as a rule.
        It started {ago}, after the update.
        A colleague from {team} has the same machine without trouble.
    """),
    follow_ups=lines("""
        I closed everything and it still {symptom}.
        and how do I check the memory?
        It is better now, but slow again when {doing}.
        Would a reset make the laptop faster?
    """),
    replies=lines("""
        Please restart it once and install the update that came out this week; it fixes a memory leak.
        One program is using most of the memory. Closing it and switching off its autostart should help.
        The battery has lost a third of its capacity, which is normal after two years.
        Free at least a tenth of the disk; below that everything slows down.
    """),
)
