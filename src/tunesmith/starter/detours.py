"""Side steps of a dialogue: what is asked, offered, refused or chatted about on the way."""

# fmt: off
from __future__ import annotations

GREETINGS: tuple[str, ...] = (
    "Hi.", "Hello.", "Hi there.", "Good morning.", "Good evening.", "Hello, can you help me?",
    "Hi, I hope I am in the right place.", "Hello, I need some help.", "Good afternoon.",
    "Excuse me, I have a question.", "Hey.", "Hello again.", "Dear support team.",
    "Finally, a human!",
    "I have waited {count} minutes for this chat.", "Hi, quick question.", "Help, please!", "",
    "Hello, I am a bit upset.", "Good day.", "Hi, it is me again.", "",
)
NAMED: tuple[str, ...] = (
    "My name is {name}.", "This is {name} from {home}.", "I am {name}.", "{name} here.",
    "My name is {name} and I live in {home}.", "It is {name} here.",
)
PRODUCT_OPENINGS: tuple[str, ...] = (
    "My {brand} {product} {problem}.",
    "I am writing because my {brand} {product} {problem}.",
    "I noticed on {day} that my {brand} {product} {problem}.",
    "I have a problem, my {brand} {product} {problem}.",
    "In {month} I {got} {a_brand} {product}, and it {problem}.",
    "The {brand} {product} that I {got} {problem}.",
    "My new {product} {problem}. It is {a_brand}.",
    "The {product} {problem}. I mean the {brand} one.",
    "It seems that my {brand} {product} {problem}.",
    "You should know that my {brand} {product} {problem}.",
    "I {got} {a_brand} {product} for {price} and it {problem}.",
    "What can I do if my {brand} {product} {problem}?",
    "I do not know why, but my {brand} {product} {problem}.",
    "For {count} days I have had trouble. My {brand} {product} {problem}.",
    "Something is wrong here. My {brand} {product} {problem}.",
)
"""Customer statements for a problem whose subject is the product."""

CUSTOMER_OPENINGS: tuple[str, ...] = (
    "I {problem} my {brand} {product}.",
    "I am writing because I {problem} my {brand} {product}.",
    "I have a problem, I {problem} my {brand} {product}.",
    "I do not know why, but I {problem} my {brand} {product}.",
    "Since {month} I have been waiting for help. I {problem} my {brand} {product}.",
    "What can I do if I {problem} my {brand} {product}?",
    "Something is wrong here. I {problem} my {brand} {product}.",
    "You should know that I {problem} my {brand} {product}.",
)
"""Customer statements for a problem whose subject is the customer."""

VAGUE: tuple[str, ...] = (
    "There is something wrong with my {brand} {product}.",
    "I need help with my {brand} {product}.",
    "It is about my {brand} {product}.",
    "I am not happy with my {brand} {product}.",
)
CLARIFY: tuple[tuple[str, str], ...] = (
    ("Do you mean that it {problem}?", "Exactly, it {problem}."),
    ("What is wrong with the {product}?", "It {problem}."),
    ("Could you tell me more about the {product}?", "Well, it {problem}."),
    ("So your {brand} {product} {problem}, is that right?", "Yes, that is right."),
)
ASK_NAME: tuple[tuple[str, str], ...] = (
    ("May I have your name, please?", "It is {name}."),
    ("Who am I talking to?", "My name is {name}."),
    ("What is your first name, please?", "{name}."),
    ("Could you tell me your name?", "Of course, I am {name}."),
    ("What name is the {deal} under?", "It is under {name}."),
)
ASK_ORDER: tuple[tuple[str, str, str], ...] = (
    ("What is your customer number?", "It is {other_code}.",
     "Thank you, I have found {other_code}."),
    ("Could you give me the customer number?", "One moment, it is {other_code}.",
     "I can see {other_code} here."),
    ("I need the number on your invoice.", "That is {other_code}, I think.",
     "Thanks, {other_code} is correct."),
    ("Please type in your customer number.", "{other_code}. Is that the right one?",
     "Yes, {other_code} is right."),
)
AGENT_HELLOS: tuple[str, ...] = (
    "Hello, this is {agent}.", "Welcome, my name is {agent}.", "Hi, {agent} here.",
    "Hello {name}, this is {agent}.", "Hi {name}.", "Nice to meet you, {name}.",
    "Good to hear from you.", "Thank you for writing to us.", "Hello and thanks for waiting.",
    "You are talking to {agent}.", "Hi, I am {agent} and I will help you.",
)
SORRY_PRODUCT: tuple[str, ...] = (
    "I am sorry that your {product} {problem}.", "I am sorry to hear that.",
    "Oh, that should not happen.", "That does not sound good.",
    "{a_brand} {product} that {problem} is annoying.", "I understand.", "Sorry about that.",
)
SORRY: tuple[str, ...] = (
    "I am sorry to hear that.", "Oh, that should not happen.", "That does not sound good.",
    "I am sorry about your {product}.", "I understand.", "Let us sort that out.",
)
ACKS: tuple[str, ...] = (
    "Thank you.", "I see.", "Thanks, {name}.", "Noted.", "Thank you, {name}.", "All right.",
    "Thanks for telling me.", "That helps.", "Okay, {name}.", "Understood.",
)
FAILED: tuple[tuple[str, str], ...] = (
    ("Could you {wrong} first?", "I did that, but it is still the same."),
    ("Please {wrong} and tell me what happens.", "Nothing has changed, sadly."),
    ("Did you {wrong} already?", "Yes, I did that {count} times and it did not help."),
    ("It often helps to {wrong}.", "I tried it just now. No luck."),
    ("You could {wrong}.", "That was the first thing I tried, and it failed."),
)
DECLINED: dict[str, tuple[tuple[str, str], ...]] = {
    "refund": (
        ("I could refund {other_amount}, would you like that?", "No, I do not want the money."),
        ("Would a refund of {other_amount} help?", "No, that is not what I need."),
    ),
    "voucher": (
        ("I could offer a voucher worth {other_amount}.", "No, I would never use a voucher."),
        ("Would a voucher worth {other_amount} be fine?", "No, please find something better."),
    ),
    "replacement": (
        ("We could send a new one on {other_day}.", "I am away on {other_day}, so no."),
        ("Shall I send a replacement on {other_day}?", "No, please do something else."),
    ),
    "technician": (
        ("A technician could visit you on {other_day}.", "No, I am at work on {other_day}."),
        ("Shall I book a visit for {other_day}?", "I do not want a visit."),
    ),
    "callback": (
        ("Shall we phone you on {other_day}?", "No, I do not like phone calls."),
        ("My colleague could call you on {other_day}.", "No, I cannot talk on {other_day}."),
    ),
    "store": (
        ("Could you visit our shop in {place} on {other_day}?", "No, {place} is too far away."),
        ("There is a shop in {place}. Is that close?", "No, I cannot get to {place}."),
    ),
    "cancel": (
        ("We could end the {deal} on {other_date}.", "No, I do not want to end it."),
        ("Do you want to leave us on {other_date}?", "No, I would like to stay."),
    ),
}
"""Offers that the customer turns down, by the outcome they stand for."""

REFUSED: dict[str, tuple[tuple[str, str], ...]] = {
    "day": (
        ("{value} is no good for me.", "No problem, there is another way."),
        ("I cannot on {value}. Is there another day?", "Of course, let me look."),
        ("Not on {value}, please.", "All right, then I change it."),
    ),
    "date": (
        ("Does it have to be {value}?", "Sorry, I read out the wrong line."),
        ("Are you sure about {value}?", "Let me check. No, I was wrong."),
    ),
    "amount": (
        ("Only {value}? That is not enough.", "I see your point, let me look again."),
        ("I think {value} is too little.", "You are right, I can do more."),
    ),
}
"""Customer doubts about the first value of a slot, with how the agent turns to the final one."""

MISNAMED: tuple[tuple[str, str], ...] = (
    ("Sorry, I misread the label. It is {a_brand}, not {a_wrong}.", "Thanks, {brand} then."),
    ("Wait, I said {wrong_brand}, but mine is {a_brand}.", "I have changed it to {brand}."),
    ("I made a mistake, it is the {brand} {product}, not the {wrong_brand} one.",
     "I see, the {brand} one."),
)
IRRITATION: tuple[str, ...] = (
    "I am really annoyed.", "This is the second time this year.", "Please hurry up.",
    "I expected better from you.", "My patience is almost gone.", "What a waste of time.",
    "I had this with another company too.", "Nobody has helped me so far.",
)
ASIDES: tuple[tuple[str, str], ...] = (
    ("By the way, are you open on {other_day}?", "Yes, we are open on {other_day}."),
    ("Do you also have a shop in {place}?", "Yes, there is one in {place}."),
    ("Can I get the bill by post?", "Yes, I have switched that on."),
    ("Where are you, by the way?", "I work in {place}, where it is raining."),
    ("Is {agent} your real name?", "Yes, it is really {agent}."),
    ("Do you know if the {place} shop has parking?", "It does, behind the house."),
    ("Can I change my email address here?", "You can do that in your account."),
    ("Is there a sale soon?", "Yes, it starts on {other_date}."),
    ("Do you sell gift cards?", "Yes, from {other_amount} upwards."),
    ("My neighbour wants one too. What does it cost?", "It costs {price} now."),
    ("Am I your first customer today?", "No, you are number {count}."),
    ("Do you like the {brand} range yourself?", "Yes, I have one at home."),
)
SMALL_TALK: tuple[tuple[str, str], ...] = (
    ("While I look, how is your day?", "Long and rainy, thanks."),
    ("One moment while the page loads. Is it warm in {home}?", "No, it is quite cold."),
    ("My screen is slow today, sorry.", "Take your time."),
    ("I need a minute to read your file.", "No rush, I have tea."),
    ("Please stay with me for a moment.", "I am still here."),
)
THANKS: tuple[str, ...] = (
    "Thank you.", "Thanks a lot.", "Thanks for the help.", "That is all.", "Thanks, {agent}.", "",
    "Thank you for your time.", "Then we are done.", "I appreciate it.", "",
)
CLOSINGS: tuple[str, ...] = (
    "Have a nice day!", "Goodbye.", "Take care.", "You are welcome.", "All the best, {name}.",
    "Thank you for writing.", "Bye for now.", "Have a good week.", "Write again at any time.",
    "Goodbye, {name}.", "I will close the chat now.",
)
ENJOY: tuple[str, ...] = ("Enjoy your {brand} {product}.", "Have fun with your {product}!")
"""Farewells to a customer who goes on using the product."""
