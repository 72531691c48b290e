"""Pools of names, places, dates and numbers that slots are filled from."""

from __future__ import annotations

import random

FIRST_NAMES: tuple[str, ...] = tuple(
    """
    Maria Tom Aisha Chen Priya Lukas Ingrid Mateo Yuki Omar Fatima Elena Sven Nadia Kofi Amara
    Diego Lucia Hana Kenji Mei Ravi Anjali Arjun Leila Yusuf Zainab Tariq Noor Samir Ivan Olga
    Dmitri Katya Piotr Zofia Marek Hanna Lena Felix Greta Anton Clara Emil Nora Oskar Astrid
    Bjorn Freya Liam Siobhan Aoife Declan Rhys Carys Gareth Fiona Hamish Isla Callum Grace Henry
    Alice Edward Rose Martin Ruth Peter Helen David Sarah Daniel Rachel Simon Laura Paul Emma
    Oliver Sophie Harry Julia Victor Camille Pierre Chloe Antoine Margot Hugo Paola Marco Giulia
    Luca Chiara Enzo Sofia Pablo Carmen Javier Rosa Miguel Ana Joao Beatriz Rui Catarina Bruno
    Thiago Larissa Eva Jakub Tereza Milan Ivana Goran Jelena Andrei Ioana Radu Eleni Nikos
    Dimitra Yannis Ayse Mehmet Elif Emre Shirin Dariush Parisa Kaveh Tamar Eitan Noa Avi Miriam
    Chidi Ngozi Emeka Adaeze Kwame Abena Thabo Naledi Sipho Zanele Wanjiru Otieno Halima Jabari
    Makena Tendai Rudo Minh Linh Thuy Duc Somchai Malee Putri Budi Dewi Jin Soyeon Minjun Haruka
    Sora Akira Tala Nayeli Inti Keoni Leilani Aroha Tane Mikaela Anika Vikram Deepa Sunil Kavita
    """.split()
)
"""First names of customers, agents and story people."""

BRANDS: tuple[str, ...] = tuple(
    """
    Orrin Velto Braskin Quilla Tarnow Melvane Ostrel Pindar Yarrowby Zellic Fennimar Corvast
    Halbrin Ivoria Jostrum Kelphane Lumbrook Morvale Nettlin Oakrun Perrowin Questor Rindle
    Sablewick Tolvane Umbrel Vantrop Wexley Zorrin Aldermoor Bellavane Cindrel Dorrick Elmsway
    Farrowyn Glimmet Hexalo Inkwarren Jurrow Kestling Larkmoss Mirrowick Nimbrel Opplewin
    Plover Quenby Ravelin Skerrin Thistlow Ulvane Verrick Wobblet Yondrel Zephrin Arkle Bramwyn
    Copplestone Drummel Evenlode Fiddock Garrowen Hollinby Islewin Jubbin Korrigan Loamfield
    Mossel Norrowby Ombrin Puffinly Quarrell Rookwell Stonnet Tumbrel Upperlin Vossel Wickham
    Yewling Zandry Applewick Birchan Crindle Dapplewood Embrin Flaxley Gorsewin Heronby Ibbet
    Jackdawn Knottel Lintwick Marlowby Nutwell Otterlin Pebblewick Quorrin Russetin Swallowby
    Tansel Underlin Vinterby Wrenlow Yarlet Zinnet Ashcombel Brindlow Curlewin Dovestone
    """.split()
)
"""Invented brand and product-line names."""

CITIES: tuple[str, ...] = tuple(
    """
    Leeds Porto Bristol Lyon Bergen Turin Dublin Ghent Malmo Krakow Seville Cardiff Hobart Perth
    Denver Austin Halifax Ottawa Nairobi Accra Lagos Pune Jaipur Osaka Busan Hanoi Tartu Riga
    Basel Graz Bremen Aarhus Oulu York Bath Exeter Derby Swansea Dundee Galway Nantes Bilbao
    """.split()
)
"""Cities of shops, homes and warehouses."""

WEEKDAYS: tuple[str, ...] = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
MONTHS: tuple[str, ...] = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
TIMES: tuple[str, ...] = (
    "8 am", "9 am", "10 am", "11 am", "1 pm", "2 pm", "3 pm", "4 pm", "5 pm", "6 pm", "7 pm",
)  # fmt: skip
SPANS: tuple[str, ...] = (
    "two days", "three days", "four days", "five days", "six days", "seven days", "ten days",
)  # fmt: skip
NUMBER_WORDS: tuple[str, ...] = (
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
)  # fmt: skip
CURRENCIES: tuple[str, ...] = ("pounds", "euros", "dollars")
CODE_LETTERS = "ABCDEFGHKLMNPRSTVWZ"


def code(rng: random.Random) -> str:
    """Return a short reference such as "K472": one letter and three digits."""
    return f"{rng.choice(CODE_LETTERS)}{rng.randint(100, 999)}"


def dates(rng: random.Random, count: int) -> list[str]:
    """Return `count` dates such as "12 May" (day 2 to 28), no two with the same day number."""
    return [f"{day} {rng.choice(MONTHS)}" for day in rng.sample(range(2, 29), count)]


def with_article(phrase: str) -> str:
    """Return `phrase` after "a" or "an", by its first letter."""
    return f"{'an' if phrase[:1].lower() in 'aeiou' else 'a'} {phrase}"
