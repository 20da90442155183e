"""Topics of the shop itself: billing, refunds, returns, delivery, product comparison."""

from app.demo.grammar import Topic, lines, words
from app.demo.words import COMMON, PERSONAL_PHONE

BILLING = Topic(
    name="billing",
    share=0.09,
    skill=0.91,
    stakes="high",
    slots={
        **COMMON,
        "wrong": words("VAT number / purchase order number / company address / cost centre / billing name"),
        "payment": words("bank transfer / direct debit / yearly invoice / a second card / gift card"),
    },
    asks=lines("""
        Why was I charged {amount} [twice|two times|again] [this month|in {month}|on {date}]?
        My invoice {invoice} says {amount} but [we agreed on|the quote said] {other_amount}. [What \
            happened?|Which is right?]
        Can you send [me|our accountant|{person}] a copy of invoice {invoice}? \
            ==> Invoice {invoice} is under Account, Billing, Documents; a copy is on its way to your \
            billing contact.
        How do I change the card [that is on file|you charge every month]? \
            ==> Open Account, Billing, Payment method, add the new card and make it the default one.
        The {wrong} on invoice {invoice} is wrong, [can you correct it {soon}?|please issue a new one.]
        What is the {amount} charge from {date} for?
        Is it possible to pay by {payment} instead of [by card|every month]? \
            ==> Yes. Choose another payment method under Account, Billing; it applies from the next invoice.
        My payment was declined even though [the card works elsewhere|there is enough money on it]. [What \
            can I do?|Why?]
        I was promised {amount} off for {month} and the discount is not on the bill.
        Could we get one invoice for [all {some} seats|the whole {team} team] instead of one each?
        When exactly [will you charge|do you bill] the {plan} plan, on the first or on the day I signed up?
        I see a pending amount of {amount} that I do not recognise, [please look into it|is that yours?]
        Our finance people ask for a yearly overview of what we paid for {software}.
        The currency on my bill jumped from euros to dollars [in {month}|since {date}], why?
    """),
    terse=lines("""
        invoice {invoice} copy
        charged twice {month}
        change billing card
        {amount} charge unknown
        VAT missing on invoice {invoice}
    """),
    contexts=lines("""
        I do the books for a small {team} agency.
        We have been on the {plan} plan since {month}.
        I just went through my bank statement for {month}.
        My {relation} set up the payment and I took over {ago}.
        I paid for the {product} {ago} and thought that was all.
    """),
    follow_ups=lines("""
        and will the corrected invoice have a new number?
        So the {amount} disappears from my [statement|bank account] on its own?
        Which date will be printed on the invoice then?
        Okay, and can you bill {month} and {other_month} together?
        Does that change the price for the other {few} seats?
    """),
    replies=lines("""
        I see the charge of {amount}. It is the renewal of your plan; the second line is a reservation \
            that your bank drops within three days.
        I have corrected the billing details and issued a new invoice.
        You are billed on the day you signed up. The next date is shown under Account, Billing.
        That amount belongs to an add-on; I can remove it from the next invoice.
    """),
)

REFUNDS = Topic(
    name="refunds",
    share=0.07,
    skill=0.88,
    stakes="high",
    slots=COMMON,
    asks=lines("""
        Where is my refund for {order}? [You got the parcel back {ago}.|It has been {few} weeks.]
        How long does a refund [to a credit card|to my bank|by voucher] [usually take|take]? \
            ==> Card refunds take three to five working days after the item reaches us; bank transfers up \
            to seven.
        I cancelled {order} {ago} and the {amount} [has not come back|is still gone].
        [Can I get|I would like] my money back for the {product}, it [is not what I expected|arrived too \
            late|broke after {few} days].
        You refunded {amount} but I paid {other_amount} for the {product}, where is the rest?
        Am I entitled to a refund if the price of the {product} drops [after {few} days|within the month]? \
            ==> Yes, within fourteen days of purchase we refund the difference as store credit.
        The refund went to a card that I closed. How do I get [the money|my {amount}] now?
        Can the refund for {order} go to my {relation}, who paid for it?
        I want a refund of the unused months of {software}.
        Do you also pay back the shipping costs when I [send back everything|keep one of the {few} items]? \
            ==> Shipping is refunded when the whole order goes back; else we refund the items only.
        I was told {ago} that {amount} would be credited, and nothing happened since.
        Is a partial refund possible? The {product} works but [the box was open|it has a scratch|a cable \
            is missing].
    """),
    terse=lines("""
        refund status {order}
        refund not received {amount}
        money back for {product}
        partial refund {order}
    """),
    contexts=lines("""
        I bought the {product} as a present for my {relation}.
        The order was placed {ago} and cancelled within the hour.
        Two people in your chat told me different things about this refund.
        I have the receipt and photos here.
        Nobody answered my first message about {order}.
    """),
    follow_ups=lines("""
        Will I get a message when the refund is booked?
        and if the money is not there by {weekday}?
        Can you pay it as [store credit|a voucher] instead?
        Who decided to refund only {amount}?
        Is that {few} working days from today or from when you received the {product}?
    """),
    replies=lines("""
        Your refund was released and should reach you within three to five working days.
        I have opened a refund for the full amount; you will get a confirmation shortly.
        The difference is the shipping fee. Since the delay was ours, I have added it to the refund.
        A refund to a closed card bounces back to us within ten days, and we then ask you for another account.
    """),
)

RETURNS = Topic(
    name="returns",
    share=0.06,
    skill=0.92,
    slots=COMMON,
    asks=lines("""
        How do I [send back|return] the {product} [I bought {ago}|from {order}]? \
            ==> Open the order, choose Return, print the label and drop the parcel at any pick-up point \
            within thirty days.
        Do I need the original box to return [a|my] {product}?
        Can I swap the {product} for [a bigger one|another colour|the {other_product}] instead of getting \
            money back?
        The return label for {order} [does not open|has the wrong address|expired], [please send a new \
            one|what now?]
        I sent the {product} back {ago} and the page still says "waiting for parcel".
        How many days do I have to return a [gift|sale item|{product}]? \
            ==> Thirty days from delivery, and sixty for gifts bought in November and December.
        Could a courier pick up the {product} [at my office|at home] [on {weekday}|next week]?
        I opened the {software} box but never activated it, is a return [still possible|out of the question]?
        Is it fine to put {few} items from different orders in one return parcel?
        I am in {city} {soon}, can I bring the {product} back to a store there?
        You sent me the {other_product} by mistake and I ordered the {product}.
        My {relation} threw the packaging away. Can the {product} go back anyway?
    """),
    terse=lines("""
        return label {order}
        exchange {product} colour
        how to return {product}
        return window sale items
    """),
    contexts=lines("""
        The {product} arrived {ago} and I used it once.
        We ordered {some} of these for the {team} team and need fewer.
        It is a nice machine, just too large for my desk.
        I live in {city}, far from any store.
    """),
    follow_ups=lines("""
        and who pays for the return parcel?
        Do I have to wipe the {product} before I send it back?
        Is the pick-up point in {city} open on {weekday}?
        What if it gets damaged on the way back to you?
        OK, then swap it for the {other_product} please.
    """),
    replies=lines("""
        You can return it until thirty days after delivery. The label is in your order page under Return.
        I have created a new return label; it stays valid for two weeks.
        The original box is not needed, any sturdy parcel will do.
        A swap is possible: we ship the replacement as soon as the return has its first scan.
    """),
)

DELIVERY = Topic(
    name="delivery",
    share=0.10,
    skill=0.93,
    slots={
        **COMMON,
        "phone": (PERSONAL_PHONE,),
        "carrier": words("Kittiwake Post / Roundel Couriers / Longacre Freight / the courier / your carrier"),
        "place": words(
            """at the reception / with my neighbour / at the side door / in the parcel locker /
            behind the gate"""
        ),
        "tracking": words("KP##X##Z / RC#T##Q# / KP#W##B#"),
    },
    asks=lines("""
        Where is my {product}? It [should have come|was due] {ago}.
        Tracking {tracking} has not moved since {weekday}.
        Can you [leave|drop] the parcel {place} [on {weekday}|tomorrow|if nobody is in]? \
            ==> Yes. Add the drop-off place under Delivery preferences until midnight before the delivery day.
        I typed the wrong [street|house number|postcode] for {order}, can it still be changed? \
            ==> As long as the order says Preparing you can edit the address in the order page.
        How much is express shipping to {city}? \
            ==> Express to most European cities costs a flat fee that the basket shows, and arrives the \
            next working day.
        {carrier} says [delivered|it was handed over] but [there is no parcel|my {relation} got nothing].
        Do you ship the {product} to {city}, and how long does that take?
        Half of {order} came, the {product} is missing.
        The box was [wet|crushed|open] when it arrived and the {product} has a dent.
        Can {order} be delivered on a {weekday}, [after six|before noon|between two and four]?
        Please tell the driver to call {phone}, the bell does not work.
        Will the {product} and the {other_product} arrive together or in two parcels?
        My parcel was sent back to you because nobody was home. How do I get it again?
        I am moving to {city} on {date}, where will my pre-order go?
    """),
    terse=lines("""
        where is {order}
        tracking {tracking} stuck
        change delivery address {order}
        express delivery {city} cost
        parcel missing {product}
    """),
    contexts=lines("""
        I took {weekday} off to be at home for it.
        The order {order} was placed {ago}.
        It is a birthday present for my {relation}.
        We are a small office on the fourth floor without a lift.
        I waited all day and nobody rang.
    """),
    follow_ups=lines("""
        and which courier brings it?
        Can I pick the parcel up myself [on {weekday}|in {city}]?
        So will it arrive before {weekday} or not?
        The tracking page still shows nothing for {tracking}.
        What happens if I am not home again?
    """),
    replies=lines("""
        Your parcel is at the sorting centre and should be with you tomorrow before noon.
        I have changed the address; the courier will see it at the next scan.
        I am sorry. I have asked the courier for proof of delivery and will write back within a day.
        It leaves our warehouse today; the tracking page updates tonight.
    """),
)

COMPARISON = Topic(
    name="product_comparison",
    share=0.07,
    skill=0.84,
    slots={
        **COMMON,
        "purpose": words(
            """photo editing / school / long train rides / video calls / a tiny desk / drawing /
            gaming now and then / writing all day / my {relation} / a {team} team / recording music /
            reading in bed"""
        ),
        "quality": words("battery / screen / noise / weight / keyboard / sound / warranty / range / colours"),
    },
    asks=lines("""
        Which is better for {purpose}, the {model} or the {other_model}?
        What is the difference between the {model} and the {other_model}?
        Is the {product} [worth the extra {amount}|worth it] if I only need it for {purpose}?
        I have {amount} to spend, which {quality} would you not save on?
        How does the {quality} of the {model} compare with last year's?
        Recommend [something|a laptop|a screen|headphones] for {purpose} [under {amount}|that is not too \
            heavy|with a good {quality}].
        Does the {product} work with the {other_product}? \
            ==> Yes, with the cable that comes in the box; wireless works from the current firmware on.
        Would you buy the {model} now or wait [for the next one|until {month}]?
        My {relation} swears by the {model}. Is there anything that speaks for the {other_model}?
        Pros and cons of the {product} for {purpose}, please.
        Which of your products has the best {quality} [for the price|right now]?
        Can I see the {quality} of the {model} and {other_model} side by side?
    """),
    terse=lines("""
        {model} vs {other_model}
        {model} or {other_model} for {purpose}
        best {quality} under {amount}
        {product} good for {purpose}
    """),
    contexts=lines("""
        My old {product} is {few} years old and slow.
        I travel a lot between {city} and {other_city}.
        We are choosing equipment for {some} people in {team}.
        I know very little about computers.
        The {quality} matters most to me, the price less.
    """),
    follow_ups=lines("""
        and how about the {quality}?
        Which one would you take for {purpose}?
        Does the {model} also come in another colour?
        What if I pay {amount} more?
        Is the {other_model} lighter than that?
    """),
    replies=lines("""
        For {purpose} I would take the {model}: the {quality} is better and it is lighter.
        They share the same chip. The larger one has a brighter screen and two more hours of battery.
        If price matters most, last year's model does the job.
        Both fit; the difference is mainly in weight and in the number of ports.
    """),
)
