"""Topics of the customer's account: access, subscription, privacy, feature questions."""

from app.demo.grammar import Topic, lines, words
from app.demo.words import COMMON, PERSONAL_EMAIL

ACCESS = Topic(
    name="account_access",
    share=0.08,
    skill=0.9,
    stakes="high",
    slots={**COMMON, "personal_email": (PERSONAL_EMAIL,)},
    asks=lines("""
        I [forgot|lost] my password and the reset mail [never arrives|went to an old address]. [Help?|What \
            now?]
        How do I [log in|sign in] to {software} on a second computer? \
            ==> Install it, choose Sign in and enter the code that we send to your first device.
        My account is locked [since {weekday}|after {few} wrong tries|for no reason I know of], how do I \
            open it again?
        The code for the two-factor login [arrives too late|does not work|goes to my old phone].
        Can I change the [user name|mail address|phone number] of my account? \
            ==> Yes, under Account, Profile; we send a confirmation to the old and the new address.
        My account is under {personal_email} and I cannot get in any more.
        Somebody from {city} logged in to my account {ago}, that was not me!
        {person} left the {team} team, how do we take over the account?
        How can I add {person} as an administrator for {software}?
        I have two accounts, one for {software} and one for the shop, can they be merged?
        Logging in with a passkey on the {model} shows "try again later".
        How long do I stay signed in on [a shared|the office] computer?
        I am signed out of {software} every {minutes}, why?
        Please remove the {model} that I sold from my trusted devices.
    """),
    terse=lines("""
        password reset not arriving
        account locked {software}
        change login address
        lost two-factor phone
        can't sign in {software}
    """),
    contexts=lines("""
        I changed my phone {ago}.
        I have to get in {soon} because of a deadline.
        The account belongs to our {team} department.
        I tried it on the {model} and in another browser.
        My {relation} used the account before me.
    """),
    follow_ups=lines("""
        I still cannot log in.
        and which address did the code go to?
        Could you unlock the account from your side?
        The new password is not accepted either.
        What if {person} no longer has the old phone?
    """),
    replies=lines("""
        I have sent a new reset link. It works for thirty minutes; please also look into the junk folder.
        Your account was locked after several wrong tries and is open again now.
        Please use one of the recovery codes that you saved when you set up the two-factor login.
        I have signed out all devices. Choose a new password first and then check your trusted devices.
    """),
)

SUBSCRIPTION = Topic(
    name="subscription_change",
    share=0.07,
    skill=0.92,
    slots=COMMON,
    asks=lines("""
        How do I [upgrade|downgrade|switch] from {plan} to {other_plan}? \
            ==> Open Account, Plan, choose the new plan and confirm; the difference is settled on the next \
            bill.
        I want to cancel {software} [at the end of {month}|right away|before it renews].
        Can we add {some} seats to our {plan} plan [{soon}|only for {month}]?
        What do I lose when I go from {plan} down to {other_plan}?
        Please pause my subscription [until {month}|for {few} months], I am [travelling|on leave].
        Is there a discount for [students|schools|charities|paying yearly] on {software}?
        Does the {plan} plan include {software} and {other_software}?
        My trial of {software} ends {soon}. What happens to my documents then? \
            ==> They stay readable for ninety days, and you can export them at any time.
        Can two people share the {plan} plan [at home|on three devices]?
        I cancelled {ago} and {software} still says that it renews in {month}.
        We need {few} seats less, does the price change at once?
        Transfer my {plan} plan to my {relation}, please.
        Why is the {other_plan} plan cheaper per seat than {plan}?
    """),
    terse=lines("""
        cancel {software} subscription
        upgrade to {plan} price
        pause plan {few} months
        student discount {software}
        remove {some} seats
    """),
    contexts=lines("""
        We are {some} people in {team} on the {plan} plan.
        I only use {software} now and then.
        Our contract runs until {month}.
        Money is a bit tight this year.
        I signed up {ago} with a coupon.
    """),
    follow_ups=lines("""
        and when does the change take effect?
        Can I go back to {plan} later?
        So from {month} on I pay for {few} seats?
        Do I keep the {software} templates after cancelling?
    """),
    replies=lines("""
        You can switch at any time. The new plan starts at once and the rest of the old one is credited.
        Your subscription is cancelled and runs out at the end of the paid month.
        I have added the seats; invitations can be sent from the Team page.
        With the smaller plan you keep everything except shared folders and version history.
    """),
)

PRIVACY = Topic(
    name="privacy_and_data",
    share=0.03,
    skill=0.89,
    stakes="high",
    slots={
        **COMMON,
        "data": words(
            """my documents / my chat history / location data / voice recordings / crash reports /
            usage statistics"""
        ),
    },
    asks=lines("""
        [Delete|Please erase] my account and {data}.
        Which data does {software} collect [about me|about the {team} team]?
        I would like a copy of everything you have stored about me. \
            ==> Choose Download my data under Privacy; the archive is ready within two days.
        Where are {data} stored, inside Europe?
        How do I switch off {data} in {software}? \
            ==> Settings, Privacy, then switch it off; what was collected is deleted within thirty days.
        Can my employer read {data} on the {plan} plan?
        Do you use {data} to train anything?
        How long do you keep {data} after I cancel?
        We need a data processing agreement for {software} before {month}.
        Who at your company can open {data}?
        Please stop the newsletter, I unsubscribed {ago} and it still comes.
    """),
    terse=lines("""
        delete account and data
        data agreement {software}
        where is data stored
        switch off {data}
    """),
    contexts=lines("""
        I am responsible for privacy at a small school.
        My {relation} is worried about this.
        We are checking all our suppliers in {month}.
        I read your privacy page twice.
    """),
    follow_ups=lines("""
        and are the backups erased too?
        Do I get a confirmation that {data} are gone?
        Is that also true for {other_software}?
        How long does the deletion take?
    """),
    replies=lines("""
        Your data are stored in two European data centres and are not used for training.
        I have started the deletion; you will get a confirmation when it is done.
        Administrators see who uses the product and never the content of documents.
        The agreement can be signed online under Account, Legal.
    """),
)

HOWTO = Topic(
    name="feature_questions",
    share=0.06,
    skill=0.88,
    slots={
        **COMMON,
        "item": words(
            """a note / a board / a project / a page / a reminder / a whole notebook / a checklist /
            a comment"""
        ),
        "look": words(
            "dark mode / larger letters / the compact view / the sidebar / full screen / my own colours"
        ),
    },
    asks=lines("""
        How do I [share|copy|lock|archive|pin|print] {item} in {software}?
        Is there a shortcut to [create|find|duplicate|close] {item} in {software}?
        Where did {look} go in the new {software}? ==> It moved to View in the top menu.
        Can I import {item} from {other_software} into {software}? \
            ==> Yes: File, Import, choose the file, and check the preview before you confirm.
        How do I switch on {look} [on the {model}|for everybody in {team}|only at night]?
        Does {software} work offline, for instance on a plane to {city}?
        Can {some} people edit {item} at the same time?
        I would like {software} to remind me every {weekday}, is that possible?
        How can I see who changed {item} [yesterday|{ago}]?
        Can I record a short video inside {item}?
        What is the largest file I can attach to {item}?
        {software} opens the wrong calendar, how do I set [mine|the {team} one] as the default?
        Will there be {look} for {software} [this year|on phones|by {month}]?
    """),
    terse=lines("""
        {software} dark mode
        share {item} {software}
        {software} offline on {model}
        {software} keyboard shortcuts
        import into {software}
    """),
    contexts=lines("""
        I moved from {other_software} to {software} {ago}.
        We use {software} in the {team} team.
        I am preparing a workshop for {weekday}.
        My eyes are not the best any more.
    """),
    follow_ups=lines("""
        and on the phone, where is that button?
        Can {person} see {item} then as well?
        How do I undo that?
        Does it also work for {item} that is locked?
    """),
    replies=lines("""
        Open the menu with the three dots and choose Share; you decide who may edit.
        Yes, that works on all devices since the spring release.
        Press the slash key and type the first letters of the command.
        That is not possible yet. I have added your vote to the request.
    """),
)
