"""Topics of office work: e-mail, meetings, spreadsheets, translation."""

from app.demo.grammar import Topic, lines, words
from app.demo.words import COMMON

EMAIL = Topic(
    name="email_drafting",
    share=0.07,
    skill=0.86,
    slots={
        **COMMON,
        "mail": words(
            "e-mail / message / reply / short note / polite letter / reminder / thank-you note / apology"
        ),
        "receiver": words(
            """my landlord / a client in {city} / our supplier / {person} / the whole {team} team /
            my manager / a journalist / the parents of my class / an applicant / a former colleague"""
        ),
        "matter": words(
            """the late delivery / moving our meeting to {weekday} / an unpaid bill of {amount} /
            a broken heater / a day off on {date} / our new opening hours / the offer of {date} /
            missing documents / a change of prices / the party on {weekday} / a mistake in my last message /
            a delayed project / a recommendation for {other_person}"""
        ),
        "closing": words(
            """Warm regards / Best / Looking forward to hearing from you / Yours sincerely /
            Have a nice day"""
        ),
        "tone": words("friendly / firm / short and clear / formal / warm / apologetic / cheerful / neutral"),
    },
    asks=lines("""
        [Write|Draft|Please write|Can you write] a {tone} {mail} to {receiver} about {matter}.
        How do I start a {mail} to {receiver} whom I have never met?
        Make this sound more {tone}: "I am writing because of {matter} and expected an answer {ago}."
        Suggest [{few} subject lines|a subject line|an ending] for an e-mail about {matter}.
        I have to tell {receiver} about {matter} without [sounding rude|giving a reason|promising too \
            much]. Could you draft it?
        Answer this for me: "Dear {person}, could you tell us more about {matter} {soon}?"
        Shorten this e-mail: "Dear all, as you know we have talked about {matter} for some time and I \
            would like to hear by {weekday} what you think."
        Is "{closing}" a good ending for a {mail} to {receiver}? \
            ==> It is polite and a little formal, which suits a first contact.
        Turn these notes into a {tone} {mail}: {matter}, call on {weekday}, no news from {other_person}.
        [Please rewrite|Rewrite] my {mail} to {receiver} so that {matter} comes first.
        Decline an invitation from {receiver} because of {matter}, in a {tone} way.
    """),
    terse=lines("""
        {mail} to {receiver} re {matter}
        {tone} e-mail about {matter}
        out of office until {date}
        follow-up mail to {person}
    """),
    contexts=lines("""
        I am not a native speaker.
        We have written to each other only once, {ago}.
        It is a delicate matter.
        The last answer took {few} weeks.
    """),
    follow_ups=lines("""
        Can you make the e-mail a little more {tone}?
        Leave out the sentence about {matter}.
        and mention that {person} is copied in.
        Half as long, please, and without "I hope this finds you well".
    """),
    replies=lines("""
        Dear {person}, I am writing about {matter}. Could we speak about it on {weekday}? Kind regards
        Here is a {tone} version: thank you for your patience; I will come back to you by {weekday}.
        Subject: {matter}. Hello, a short word about this before the week ends.
    """),
)

MEETING = Topic(
    name="meeting_summary",
    share=0.05,
    skill=0.82,
    slots={
        **COMMON,
        "subject": words(
            """the new price list / hiring {few} people / moving to {city} / the {software} launch /
            the budget for {month} / customer complaints / the {weekday} shift / the stand at the fair /
            the office kitchen / our website"""
        ),
        "note": words(
            """{person} will call the supplier / {other_person} is against it / budget {amount} /
            start in {month} / nobody owns the schedule / two offers are missing /
            decision postponed to {weekday} / {team} needs one more person /
            test with {some} customers first / {person} writes the text /
            too expensive according to {other_person}"""
        ),
        "second": words(
            """next meeting {weekday} / open: who tells {team} / risk: holidays in {month} / all agreed /
            vote {few} to one / {other_person} checks the contract / cost about {other_amount} /
            photos are ready / ask {city} first"""
        ),
    },
    asks=lines("""
        Summarise [these notes|this meeting]: {subject}. {person}: {note}. Then {second}.
        What are the action points in this? "{subject}, {note}, {second}."
        Turn this into minutes [for the {team} team|for people who were not there]: {note}; {second}; \
            topic was {subject}.
        Please write [three bullet points|one paragraph|a short summary] about our meeting on {subject}: \
            {note}, {second}.
        Who has to do what until {weekday}? {note}, {second}, {person} was sick.
        Make an agenda for [a {minutes} meeting|a call] about {subject}.
        Here is the transcript: {person}: I think {subject} is late. {other_person}: yes, {note}. \
            {person}: so {second}. Summarise it.
        Extract the decisions from the notes on {subject}: {note}. {second}.
        Which questions are still open after this? {subject}: {note}; {second}.
        Compare our notes of {date} and today on {subject}: first {note}, now {second}.
    """),
    terse=lines("""
        minutes: {subject}, {note}, {second}
        summary meeting {subject}
        agenda {subject} {minutes}
        action points {subject}: {note}
    """),
    contexts=lines("""
        The meeting with {team} took longer than planned.
        {person} could not come and asked me to report.
        My handwriting is bad, so the notes are rough.
        Our chief reads only the first three lines.
    """),
    follow_ups=lines("""
        Add that {note}.
        and who wanted {subject} in the first place?
        Please shorten the summary to two sentences.
        Put the decisions before the open questions.
        Send me only what concerns {person}.
    """),
    replies=lines("""
        Summary: the meeting was about {subject}. Decided: {note}. Open: {second}.
        Action points: {note}; {second}.
        Minutes: {person} presented {subject}. Result: {second}.
    """),
)

SPREADSHEET = Topic(
    name="spreadsheet_formulas",
    share=0.06,
    skill=0.81,
    slots={
        **COMMON,
        "row": words("2 / 7 / 1# / 4#"),
        "col": words("A / B / C / D / E / F"),
        "other_col": words("G / H / K / L / M / P"),
        "status": words("paid / open / {city} / {team} / late / {person} / returned"),
        "what": words(
            "hours / prices / sales / guests / stock / expenses / working days / kilometres / grades"
        ),
        "limit": words("100 / 50 / 20 / 8 / 1000 / 365 / 30"),
    },
    asks=lines("""
        How do I sum column {col} only where column {other_col} says "{status}"? \
            ==> =SUMIF({other_col}:{other_col},"{status}",{col}:{col})
        Which formula counts the cells in {col} that are above {limit}? ==> =COUNTIF({col}:{col},">{limit}")
        Formula for the average of {what} in column {col} [without the empty cells|for {month} only]?
        I have {what} in column {col} and names in {other_col}. How do I find the [largest|smallest] per name?
        How can I look up the {what} for {person} from another sheet? \
            ==> =XLOOKUP("{person}",Names!A:A,Names!B:B)
        Colour all rows [red|green|yellow] where {col} is [more|less] than {limit}.
        How do I split "{person}, {city}" into two columns?
        My formula in {col}{row} shows #N/A [since I sorted the sheet|when {other_col} is empty], how do I \
            avoid that?
        How do I get the number of working days between two dates in {col} and {other_col}? \
            ==> =NETWORKDAYS({col}2,{other_col}2)
        Please explain what =IF({col}{row}>{limit},"{status}","") does.
        How do I remove duplicates in column {col} and keep the newest?
        A chart of {what} per month from columns {col} and {other_col}, how?
        Dates in column {col} are treated as text, how can I convert {limit} of them?
        Round the {what} in {col} [up|down] to full {few}s.
    """),
    terse=lines("""
        sumif column {col} {status}
        count {what} above {limit}
        formula percent of total {col}
        lookup {what} other sheet
        convert text to date {col}
    """),
    contexts=lines("""
        I keep our {what} in Tallyfern.
        The sheet has about {limit} rows.
        Column {col} holds {what}, column {other_col} the names.
        I inherited this file from {person} in {team}.
    """),
    follow_ups=lines("""
        It gives zero, although column {col} has values.
        and the same for column {other_col}?
        Can the formula skip empty cells?
        What if there are two rows for {person}?
        Does that formula also work in the browser?
    """),
    replies=lines("""
        Use =SUMIFS({col}:{col},{other_col}:{other_col},"{status}").
        Select the column, choose Conditional colours and enter the condition > {limit}.
        Wrap it: =IFERROR(your formula,"").
        =TEXTSPLIT({col}2,",") puts each part into its own column.
    """),
)

TRANSLATION = Topic(
    name="phrase_translation",
    share=0.05,
    skill=0.94,
    slots={
        **COMMON,
        "tongue": words(
            """Polish / Dutch / Swedish / Japanese / Turkish / Norwegian / Czech / Korean / Greek /
            Finnish / Danish"""
        ),
        "other_tongue": words(
            """Polish / Dutch / Swedish / Japanese / Turkish / Norwegian / Czech / Korean / Greek /
            Finnish / Danish"""
        ),
        "sentence": words(
            """where is the station / could we have the bill / I am allergic to nuts /
            see you on {weekday} / happy birthday, {person} / how much is this /
            I am looking for a pharmacy / my name is {person} / sorry, I am late / the room is too cold /
            get well soon / we have a booking for {few} / does this bus go to {city} / have a safe trip /
            congratulations on the new job / please speak slowly / I would like to return this /
            when do you open"""
        ),
        "other_sentence": words(
            """what is the password / the bread is delicious / I have lost my key / we are from {city} /
            can I pay by card / it was a lovely evening / good night / call me on {weekday} /
            two coffees, please / I miss you"""
        ),
        "phrase": words(
            """thank you for your help :: dank je wel voor je hulp / good luck :: veel geluk /
            see you tomorrow :: tot morgen / what time is it :: hoe laat is het /
            enjoy your meal :: eet smakelijk / I do not understand :: ik begrijp het niet"""
        ),
        "term": words(
            """invoice / warranty / screwdriver / deadline / landlord / spreadsheet / sourdough / handover /
            doorbell / rain check"""
        ),
        "use": words(
            """for a card / on a sign / in a business letter / to a child / for my trip to {city} /
            on the phone"""
        ),
    },
    asks=lines("""
        How do I say "{sentence}" in {tongue}?
        Translate into {tongue}: {sentence}.
        [What is|Is there] [the|a] {tongue} word for "{term}"?
        How do you say "{phrase}" in Dutch? ==> {phrase_reply}
        I need "{sentence}" in {tongue} {use}, [formal|informal] please.
        Is "{term}" the same word in {tongue} and {other_tongue}?
        Put these into {tongue}: {sentence}; {other_sentence}.
        How is "{term}" pronounced in {tongue}?
        Correct my {tongue}, I want to say: {sentence}.
        What would a {tongue} speaker answer to "{sentence}"?
        Give me the polite and the casual way to say "{sentence}" in {tongue}.
    """),
    terse=lines("""
        {term} in {tongue}
        "{sentence}" {tongue}
        {tongue} for {sentence}
        translate {sentence} to {tongue}
    """),
    contexts=lines("""
        My {relation} is visiting from abroad.
        I am learning {tongue} and have got to lesson {few}.
        We are writing a sign for the shop in {city}.
        It is {use}.
    """),
    follow_ups=lines("""
        and how would that be in {other_tongue}?
        Is that formal or casual?
        Could you write it as it is pronounced?
        What does each word mean?
        Same for "{other_sentence}" please.
    """),
    replies=lines("""
        In {tongue} you would say it in one short sentence; I have added the pronunciation below.
        The usual {tongue} word is the second one, the first sounds old-fashioned.
        That is polite enough for strangers. Among friends drop the first word.
    """),
)
