"""How a support case may end: the words in the dialogue and the words in the summary.

Templates use `{name}`, `{product}`, `{brand}` and the outcome's own slots. A slot that an offer
leaves out must be in every confirmation, so that a whole dialogue states each of them.
"""

# fmt: off
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """One way a case ends.

    Attributes:
        key: short name, as used by the domains.
        slots: names of the facts it needs.
        offers: what the agent says first.
        replies: what the customer answers.
        confirms: what the agent says last.
        summary: the summary's second sentence.
        swap: the slot that the customer may first refuse ("day", "date", "amount"), or "".
    """

    key: str
    slots: tuple[str, ...]
    offers: tuple[str, ...]
    replies: tuple[str, ...]
    confirms: tuple[str, ...]
    summary: str
    swap: str = ""


OUTCOMES: dict[str, Outcome] = {
    item.key: item
    for item in (
        Outcome(
            "refund", ("code", "amount", "span"),
            ("I have checked order {code} and will refund {amount} to your card. "
             "It takes {span}.",
             "Under order {code} I can give you {amount} back. The money is on your card "
             "within {span}.",
             "We owe you money here. I am refunding {amount} for order {code}, and it reaches "
             "your card within {span}."),
            ("Good, {amount} is the right sum.", "Thank you, a refund is what I wanted.",
             "Fine, so {amount} within {span}?"),
            ("Yes, {amount} within {span}, {name}.", "The refund of {amount} is on its way.",
             "I have sent you a receipt for the {amount}."),
            "The agent checks order {code} and refunds {amount} to the card within {span}.",
            "amount",
        ),
        Outcome(
            "replacement", ("city", "day"),
            ("I will send you a free replacement from our warehouse in {city}. It reaches you "
             "on {day}.",
             "You will get a new {product} free of charge. It leaves the warehouse in {city} "
             "and should reach you on {day}.",
             "Let us replace it for free. The new {product} comes from the warehouse in {city} "
             "and will be with you on {day}."),
            ("{day} suits me well.", "Great, a new one is all I need.",
             "So the replacement comes on {day}?"),
            ("Yes, your replacement arrives on {day}.", "I have put {day} on the label.",
             "The new {brand} {product} will be there on {day}, {name}."),
            "A free replacement leaves the warehouse in {city} and reaches {name} on {day}.",
            "day",
        ),
        Outcome(
            "technician", ("city", "day", "time"),
            ("I can send a technician to your address in {city}. Is {day} at {time} all right?",
             "A technician has to see that. One is near you in {city} on {day} and can be there "
             "at {time}.",
             "We have a technician in {city} who could repair it on {day} at {time}."),
            ("Yes, I am at home on {day}.", "{time} is perfect.",
             "Good, I will wait for the technician."),
            ("The visit is booked for {day} at {time}.",
             "Then the technician rings your bell on {day} at {time}.",
             "Done, {name}. We come on {day} at {time}."),
            "A technician visits the home in {city} on {day} at {time} to repair it.",
            "day",
        ),
        Outcome(
            "fix", ("step",),
            ("Here is what usually helps. Please {step}.",
             "I would like you to {step}. Tell me what happens.",
             "My advice is to {step}. Could you try that now?"),
            ("I did it and it works again!", "That was it. Now all is as it should be.",
             "It took a minute, but now it works."),
            ("Great. If it comes back, just {step} once more.",
             "I am glad that worked, {name}. Now you know to {step}.",
             "Wonderful. It was enough to {step}, then."),
            "It works properly again as soon as {name} follows the advice to {step}.",
        ),
        Outcome(
            "escalation", ("team", "code", "day"),
            ("I cannot solve this alone, so I am passing your case to the {team}. The case "
             "number is {code}, and you will have an answer by {day}.",
             "The {team} has to decide that. I have opened case {code} for you, and they will "
             "answer by {day}.",
             "Our {team} will take over from here. Please note case number {code}. They answer "
             "by {day} at the latest."),
            ("I have noted {code}.", "So the {team} will write to me?",
             "All right, I will wait until {day}."),
            ("Yes, the {team} will answer by {day}.", "The {team} now has case {code}.",
             "They will be in touch by {day}, {name}."),
            "Case {code} now goes to the {team}, with an answer promised by {day}.",
            "day",
        ),
        Outcome(
            "voucher", ("amount", "date"),
            ("I am sorry about this. Please accept a voucher worth {amount}. It is valid until "
             "{date}.",
             "As an apology I can offer you a voucher worth {amount}, which you can use until "
             "{date}.",
             "For your trouble there is a voucher worth {amount} in your account now. It runs "
             "until {date}."),
            ("That is kind, I accept it.", "A voucher is fine for me.",
             "Good, then I will use the {amount} soon."),
            ("The voucher is valid until {date}.", "You will find the {amount} in your account.",
             "Please use your voucher before {date}, {name}."),
            "As an apology, {name} accepts a voucher worth {amount}, valid until {date}.",
            "amount",
        ),
        Outcome(
            "pickup", ("code", "day", "time"),
            ("A courier can collect it from you on {day} after {time}. The return label {code} "
             "is in your email.",
             "I have emailed you return label {code}. Please stick it on the box, and a courier "
             "collects it on {day} after {time}.",
             "Please pack it up with return label {code}, which I email now. The courier comes "
             "on {day} after {time}."),
            ("I will have it packed by {day}.", "I have printed label {code}.",
             "Good, somebody is here after {time}."),
            ("The courier collects it on {day} after {time}.",
             "Please keep label {code} ready on {day}.",
             "Thank you, {name}. The courier knows about {day}."),
            "A courier collects it on {day} after {time} with return label {code}.",
            "day",
        ),
        Outcome(
            "part", ("part", "day"),
            ("I will post you a spare {part}. You can fit it at home, and it is due on {day}.",
             "You only need a new {part}. We send the spare one for free by {day}, and you can "
             "fit it at home.",
             "There is a spare {part} in stock. It is due at your door on {day} and is easy to "
             "fit at home."),
            ("I can fit a {part} myself.", "Good, I have the tools here.",
             "So the {part} comes on {day}?"),
            ("Yes, the {part} is due on {day}.", "I have added a short guide for the {part}.",
             "It leaves today and is due on {day}, {name}."),
            "Support posts a free spare {part}, due on {day}, to fit at home.",
            "day",
        ),
        Outcome(
            "store", ("city", "day", "code"),
            ("You can swap it at our shop in {city} on {day}. Please show code {code} there.",
             "Our {city} shop has a new one for you. Take yours there on {day}, show code "
             "{code}, and they swap it.",
             "I have set one aside in our shop in {city}. You can swap it on {day} with code "
             "{code}."),
            ("I can drive to {city} then.", "The {city} shop is close to me.",
             "I have written down {code}."),
            ("They will expect you in {city} on {day}.", "Please do not forget code {code}.",
             "The shop will swap it on {day}, {name}."),
            "{name} may swap it at the {city} shop on {day} by showing code {code}.",
            "day",
        ),
        Outcome(
            "wait", ("date", "event"),
            ("I am afraid nothing can be done before {date}. That is when {event}.",
             "You will have to wait until {date}, when {event}. I cannot speed it up.",
             "Only when {event} can we help you. That will be on {date}, so please be patient."),
            ("So I really have to wait until {date}?", "That is long, but I will wait.",
             "I am not happy, but I will be patient."),
            ("Yes, please wait until {date}.", "We will write to you on {date}, when {event}.",
             "Thank you for being patient until {date}, {name}."),
            "Nothing can be done before {date}, when {event}, and waiting is the only choice.",
            "date",
        ),
        Outcome(
            "refusal", ("cover", "month", "percent", "deal"),
            ("Your {cover} ended in {month}, so I have to refuse. All I can offer is {percent} "
             "percent off your next {deal}.",
             "I am sorry, but the {cover} ended in {month} and we must refuse any claim. You "
             "could have {percent} percent off the next {deal}.",
             "The file says that the {cover} ended in {month}. I must refuse this, but I can take "
             "{percent} percent off your next {deal}."),
            ("That is very disappointing.", "Then I will go to another company.",
             "I had hoped for more than that."),
            ("I am sorry that I had to refuse, {name}.",
             "I understand. The {percent} percent stay open for you.",
             "Sadly the {cover} ended in {month}, and I cannot change it."),
            "Support refuses because the {cover} ended in {month}, offering only {percent} "
            "percent off the next {deal}.",
        ),
        Outcome(
            "callback", ("person", "team", "day", "time"),
            ("My colleague {person} from the {team} knows this well. {person} will phone you on "
             "{day} at {time}.",
             "I have asked {person} from our {team} to phone you. Is {day} at {time} all right?",
             "The best person for this is {person} in the {team}. You will get a phone call on "
             "{day} at {time}."),
            ("I will keep my phone near me on {day}.", "Good, I will speak to {person} then.",
             "{time} is fine for me."),
            ("{person} will phone you on {day} at {time}.",
             "The call with {person} is in the book for {day}.",
             "Please have your papers ready at {time}, {name}."),
            "{person} from the {team} will phone {name} about this on {day} at {time}.",
            "day",
        ),
        Outcome(
            "proof", ("proof", "date"),
            ("Before we decide, I need {proof}. Please email it by {date}.",
             "Could you email us {proof} by {date}? Without it we cannot decide.",
             "To go on I must see {proof}. You have until {date} to email it, and then we "
             "decide."),
            ("I will email it tonight.", "So you need {proof}?",
             "All right, you will have it before {date}."),
            ("We decide as soon as we have {proof}.", "Please remember the date, {date}.",
             "Thank you, {name}. I will look out for {proof}."),
            "Before anything is decided, {name} must email {proof} to support by {date}.",
            "date",
        ),
        Outcome(
            "cancel", ("deal", "date", "code"),
            ("Then I will cancel the {deal} for you. It ends on {date} without a fee, and your "
             "proof is number {code}.",
             "I can cancel your {deal} free of charge. The last day is {date}, and the number is "
             "{code}.",
             "You may cancel the {deal} with no fee at all. I have set the end to {date} under "
             "number {code}."),
            ("Yes, please cancel it.", "I do want to cancel.",
             "Good, so it ends on {date}?"),
            ("Your {deal} ends on {date}.", "I have cancelled it under number {code}.",
             "It is cancelled, {name}, and {date} is the last day."),
            "Under number {code}, the {deal} is cancelled without a fee and ends on {date}.",
            "date",
        ),
        Outcome(
            "reissue", ("document", "code", "date"),
            ("I am sending you a new {document} by email. It has the code {code} and is valid "
             "until {date}.",
             "You will find a new {document} in your email. Please use code {code}, which works "
             "until {date}.",
             "Let me issue a new {document} with code {code}. The email is on its way, and it is "
             "valid until {date}."),
            ("The email with {code} is here.", "Great, a new {document} will help.",
             "So it is valid until {date}?"),
            ("Your new {document} is valid until {date}.",
             "Please throw the old {document} away, {name}.",
             "The code is {code}, just to be sure."),
            "Support emails a new {document} carrying code {code} and valid until {date}.",
            "date",
        ),
    )
}
"""All outcomes by key."""
