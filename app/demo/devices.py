"""Topics of devices that should work together: printer, Wi-Fi, backup."""

from app.demo.grammar import Topic, lines, words
from app.demo.words import COMMON

PRINTER = Topic(
    name="printer_setup",
    share=0.06,
    skill=0.86,
    slots={
        **COMMON,
        "computer": words(
            """my laptop / the office computer / my phone / the Mosaic tablet / my daughter's laptop /
            two computers"""
        ),
        "fault": words(
            """streaks on every page / blank pages / only half of the page / wrong colours /
            a paper jam although there is no paper / everything twice / grey instead of black"""
        ),
        "light": words("orange / red / blue / white / yellow"),
    },
    asks=lines("""
        How do I connect the {model} printer to {computer}? \
            ==> Switch it on, hold the wireless button until it blinks, then add it under Printers on your \
            device.
        My printer prints {fault}. [What can I try?|How do I stop that?]
        The printer is offline [since {weekday}|every morning|after the update], but it is [on|on the same \
            network].
        What does the blinking {light} light on the printer mean?
        Which ink [cartridge|refill] fits the Piccolo 220? \
            ==> Cartridge set P22, black and three colours; the large black one is P22-L.
        Can {some} people in {team} share one printer without a server?
        How do I scan [a contract|both sides|{some} pages] into one PDF with the Piccolo?
        The printer asks for new ink although I changed the cartridge {ago}.
        Is there a way to print from {computer} when I am not at home?
        Setting up the printer stops at "searching for device", I waited {minutes}.
        How can I print [labels|envelopes|on thick paper|borderless photos] without a jam?
        After moving to {city} the printer no longer finds the wireless network.
    """),
    terse=lines("""
        printer offline again
        Piccolo blinking {light} light
        printer prints {fault}
        scan to PDF Piccolo
        ink cartridge Piccolo 220
    """),
    contexts=lines("""
        I unpacked the Piccolo 220 {ago}.
        It worked well until {weekday}.
        I already switched it off and on {few} times.
        The driver is the newest one from your page.
        I have to print tickets {soon}.
    """),
    follow_ups=lines("""
        I did that and the {light} light is still blinking.
        and where is the wireless button on the printer?
        Does the same work from {computer}?
        Now it prints {fault}.
    """),
    replies=lines("""
        Please run the cleaning cycle under Maintenance twice, then print a test page.
        The printer has lost the network. Hold the wireless button for five seconds and connect it again.
        Open the rear cover, take out the roller and check for scraps of paper.
        The {light} light means that a cartridge is not seated. Press it down until it clicks.
    """),
)

WIFI = Topic(
    name="wifi_trouble",
    share=0.08,
    skill=0.83,
    slots={
        **COMMON,
        "channel": words("1 / 3 / 6 / 9 / 11"),
        "other_channel": words("36 / 44 / 52 / 100 / 12"),
        "speed": words("50 / 100 / 250 / 500 / ## / 1##"),
        "crawl": words("3 / 5 / 8 / 1#"),
        "room": words(
            """bedroom / kitchen / attic / garden / basement / meeting room / nursery / garage /
            back office"""
        ),
        "gadget": words(
            """television / phone / work laptop / doorbell / Mosaic / game console / thermostat /
            Fathom speaker"""
        ),
        "moment": words(
            """in the evening / whenever it rains / during video calls / after {minutes} / at random /
            when the microwave runs / since the last update / every night around two"""
        ),
    },
    asks=lines("""
        The Wi-Fi [drops|dies|keeps cutting out] {moment}. [What could it be?|Please help.|How do I find \
            the cause?]
        How do I change the Wi-Fi [password|name] on the Orrin 6? \
            ==> Open the Orrin app, choose Network, then Name and password; devices need to connect again \
            afterwards.
        My {gadget} does not [connect|stay connected] to the Orrin, everything else does.
        The signal in the {room} is [terrible|very weak], would a second Orrin help?
        Is it better to use channel {channel} or {other_channel} in a house with many neighbours?
        The router shows a red light [and no internet|since {weekday}], how do I get back online?
        How can I set up a guest network [for visitors|for our {team} room|that switches off at night]? \
            ==> In the Orrin app choose Guests, switch it on and set a time limit.
        I get {speed} Mbit by cable and only {crawl} over Wi-Fi in the {room}.
        Can the Orrin 6 work behind [my provider's box|another router] without trouble?
        Which settings make video calls from the {room} more stable?
        How do I limit internet time for [my son|my daughter|the {gadget}]?
        Since the firmware update the {gadget} has no internet {moment}.
    """),
    terse=lines("""
        wifi slow {room}
        Orrin red light
        {gadget} keeps losing wifi
        reset router Orrin 6
        no internet again
    """),
    contexts=lines("""
        The router stands in the hall, the {room} is two walls away.
        We have a line with {speed} Mbit.
        My provider says the line is fine.
        I restarted the router {few} times.
        We live in an old house in {city} with thick walls.
    """),
    follow_ups=lines("""
        I reset the router and the {gadget} still has no Wi-Fi.
        and will that delete my network name?
        It dropped again {moment}.
        How far can the second Orrin be from the first?
        Where do I see which devices are on my Wi-Fi?
    """),
    replies=lines("""
        Please move the router away from metal and switch the channel to automatic.
        The {room} is out of good range. A second unit halfway would fix it.
        Let the {gadget} forget the network, restart it and connect again on the 2.4 band.
        The line seems fine; a firmware update that came out this week corrects the drops.
    """),
)

BACKUP = Topic(
    name="sync_and_backup",
    share=0.05,
    skill=0.85,
    slots={
        **COMMON,
        "files": words(
            """photos / notes / drawings / the {team} folder / my thesis / contracts / recordings /
            old letters"""
        ),
        "percent": words("1# / 4# / 7# / 8# / 9#"),
        "where": words("the Larder / my laptop / the cloud / my phone / an external disk / the tablet"),
    },
    asks=lines("""
        {software} does not sync {files} between {where} and my other device.
        I deleted {files} [by accident|{ago}], can they be restored? \
            ==> Yes, deleted files stay in the bin for thirty days: open Bin, select them and choose Restore.
        How do I back up {files} to {where} [every night|automatically|only on Wi-Fi]?
        There are two versions of {files} now, [which one is kept?|how do I merge them?]
        How much space do {files} take on {where}, and how do I free some?
        Sync is stuck at {percent} percent since {weekday}.
        Can I keep {files} only on {where} and not in the cloud?
        How do I move everything from my old phone to the Sprig? \
            ==> Lay both phones next to each other, open Move in on the Sprig and confirm the code.
        The Larder says one disk is failing, are {files} safe?
        Is there a history of changes, I need {files} as they were {ago}.
        Can I share {files} with my {relation} so that nothing can be changed?
        My {files} were backed up twice and the storage is full.
    """),
    terse=lines("""
        restore deleted {files}
        sync stuck {percent} percent
        backup {files} to {where}
        Larder disk full
    """),
    contexts=lines("""
        I use {software} on three devices.
        The storage is {percent} percent full.
        I changed my phone {ago}.
        These are the only copies that I have.
    """),
    follow_ups=lines("""
        and does that also restore the folders?
        The backup to {where} failed again.
        How often does it sync {files}?
        Will {files} on {where} be deleted too?
    """),
    replies=lines("""
        Your files are still there. Sync was paused because the storage is nearly full.
        Open Settings, Backup, choose the folder and a time; it runs when the device is charging.
        Both versions are kept. Open the newer one and choose Keep this.
        Please sign out and in again once; the queue then starts from the last good file.
    """),
)
