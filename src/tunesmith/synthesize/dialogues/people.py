"""People: names that a conversation gives away: its speakers', ``Hi Anna``, ``我叫王芳``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tunesmith.synthesize.dialogues.marks import NO_NAMES
from tunesmith.synthesize.dialogues.sides import side_of_word

WORD = r"[A-ZÀ-Þ][a-zà-ÿ]+(?:[A-ZÀ-Þ][a-zà-ÿ]+)?(?:['’-][A-ZÀ-Þ]?[a-zà-ÿ]+)*"
NAME = rf"(?P<name>{WORD}(?:[ ]{WORD}){{0,2}})"
GREETING = (
    r"hi|hello|hey|hiya|dear|good (?:morning|afternoon|evening|day)|thanks|thank you|cheers|"
    r"sorry|welcome|hola|buen[oa]s (?:días|tardes|noches)|estimad[oa]|querid[oa]|gracias|bonjour|"
    r"bonsoir|salut|cher|chère|merci|hallo|guten (?:tag|morgen|abend)|liebe[r]?|danke|ciao|"
    r"olá|obrigad[oa]|grazie"
)
TITLE = (
    r"mr|mrs|ms|miss|mx|dr|prof|herrn?|frau|señor(?:a|ita)?|sra?|srta|monsieur|madame|mme|signora?|"
    r"sir|senhora?|don|doña"
)
PATTERNS = tuple(
    re.compile(pattern, re.M)
    for pattern in (
        rf"(?<!\w)(?i:{GREETING}),?[ ](?:(?i:{TITLE})\.?[ ])?{NAME}(?=[ ]*(?:[,.!?;:)\n–—-]|$))",
        rf"(?<!\w)(?i:hi|hello|hey|dear|hola|hallo|bonjour|estimad[oa]|liebe[r]?)[ ]{NAME}",
        rf"(?<!\w)(?i:{TITLE})\.?[ ]{NAME}",
        rf"(?<!\w)(?i:my name is|my name['’]s|the name is|name:|me llamo|mi nombre es|"
        rf"je m['’]appelle|mon nom est|ich hei(?:ß|ss)e|mein name ist|mi chiamo|meu nome é|"
        rf"me chamo)[ ]+{NAME}",
        rf"(?<!\w)(?i:i am|i['’]m|this is|you(?:['’]re| are) (?:now )?(?:chatting|speaking|"
        rf"talking) (?:to|with)|soy|je suis)[ ]{NAME}(?=[ ]*(?:[,.!\n]|$|(?i:from|with|and|here|"
        r"at|your|de|desde|del|y)\b))",
        rf"(?<!\w)(?i:(?:full )?name)[:=]?[ ](?P<name>{WORD}(?:[ ]{WORD}){{1,3}})",
        rf"(?<!\w)(?i:thanks|thank you|cheers|regards|rgds|best|sincerely|gracias|merci|danke)"
        rf",?[ \n]+{NAME}[.!]?\s*\Z",
    )
)
LETTERS = re.compile(r"[^\W\d_]+")
CUES = frozenset(
    LETTERS.findall(
        f"{GREETING} {TITLE} my the name me mi je mon ich mein meu i im this you soy full "
        "regards rgds best sincerely querido querida estimado estimada buenos buenas "
        "obrigado obrigada lieber señora señorita sr sra herrn".lower()
    )
)
"""Words with which a pattern may begin."""
HERE = re.compile(rf"(?<![\w<]){NAME}[ ](?i:here)\b(?=[ ]*[,.!]|[ ](?i:from)\b)")
ADDRESSED = re.compile(rf"(?:^|[.!?]\s)[^.!?,:\n]{{2,60}}, (?P<name>{WORD})(?=[.!?])", re.M)
"""``Glad to hear, Mario.``: how agents speak to customers."""
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕"
    "丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常"
    "欧阳"
)
HAN = "\u4e00-\u9fff"
HAN_TITLE = "先生|女士|小姐|太太|老师|经理|师傅"
ANY_HAN = re.compile(f"[{HAN}]")
HAN_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:我叫|名字是|名字叫|姓名[:： ]*|联系人[:： ]*|收件人[:： ]*|收货人[:： ]*|"
        rf"客服(?:专员)?(?=[{SURNAMES}]))"
        rf"(?P<name>[{SURNAMES}][{HAN}]{{1,2}}?)(?=[，,。.！!？?；;、\s]|$|的|是|请|，|为您|很高兴|来自|在|"
        r"想|要|有|，我|我)",
        rf"(?:^|[\s，,。！!？?、：:]|您好|你好|尊敬的|亲爱的|感谢|谢谢|抱歉|好的|是|姓)"
        rf"(?P<name>[{SURNAMES}][{HAN}]{{0,2}}?(?:{HAN_TITLE}))",
        rf"(?:^|[\s，,。！!？?、：:]|我是|是)(?P<name>小[{SURNAMES}]|阿[{SURNAMES}])"
        r"(?=[，,。.！!？?\s]|$|为您|很高兴)",
    )
)
NO_WORDS = NO_NAMES | frozenset(
    "there team support sir madam ma'am all everyone everybody guys folks again thank dear just "
    "still not i we you your my the this that it is are can could would will have has had any for "
    "so but and what when where why how who which customer service services agent friend buddy "
    "mate man dude bro if after before since while did do does was were been being also too very "
    "much more most mr mrs ms miss dr an a in on at to of from with by as once upon then let lets "
    "we're i'm i've i'd it's they he she his her their our us me ya lol oh dm hope having trying "
    "looking waiting getting using going really actually currently unable happy glad afraid "
    "unfortunately interested writing calling contacting american british english chinese german "
    "french spanish european canadian australian indian irish scottish italian mexican gracias "
    "merci danke hola bonjour hallo herr frau señor señora monsieur madame kunde cliente client "
    "equipo zusammen à tous todos care desk bot sales company store online premium prime gold "
    "silver plus member user guest visitor admin staff anonymous unknown none null test".split()
)
COMMON = frozenset(
    "will may mark rose grace hope joy bill art sue pat rich chase grant frank drew dean guy jean "
    "june april august rob max miles penny ray sky star summer dawn faith iris ivy jack john lily "
    "melody page ruby sandy terry young long white brown black green king bishop baker cook hall "
    "day case price church park wood stone reed page read west north banks bush field fields cash "
    "can an so no man do le la in on to you he my see ali lee".split()
)
"""Names that are words too: known again only with a capital letter, and the second of two."""
HANDLE = re.compile(r"^(?!Mc|Mac|De|La|Le|Di|Fitz).*[a-z][A-Z]")
PERSON = re.compile(
    rf"[^\W\d_]+(?:['’.-][^\W\d_]*)*(?: [^\W\d_]+(?:['’.-][^\W\d_]*)*){{0,3}}|[{HAN}]{{2,4}}"
)


class People:
    """The persons of a conversation and the ways in which each is called.

    Args:
        speakers: as the export calls them.
        known: words that are no persons, such as the company.
    """

    def __init__(self, speakers: Iterable[str], known: Iterable[str] = ()) -> None:
        self._persons: list[set[str]] = []
        """Parts of the name of each, in small letters."""
        self._forms: dict[str, int] = {}
        """Form in small letters -> person."""
        self._companies = {_squeezed(word) for word in known}
        for speaker in speakers:
            if is_person(speaker):
                self._learn(speaker)

    def read(self, texts: Iterable[str], *, by_agent: bool = False) -> None:
        """Learns the names that are given in texts."""
        for text in texts:
            for name in _given(text, by_agent=by_agent):
                self._learn(name)

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Every place where one of them is named: begin, end and a key of the person."""
        pattern = self._pattern()
        if pattern is None:
            return
        for match in pattern.finditer(text):
            form = match[0].lower()
            if form in COMMON and not match[0][0].isupper():
                continue
            yield match.start(), match.end(), str(self._forms[form])

    def _pattern(self) -> re.Pattern[str] | None:
        forms = sorted(self._forms, key=lambda form: (-len(form), form))
        if not forms:
            return None
        latin = "|".join(re.escape(form) for form in forms if not _is_han(form))
        han = "|".join(re.escape(form) for form in forms if _is_han(form))
        # Beside Chinese characters a name in Latin letters has no space around it.
        parts = [
            *([rf"(?<![A-Za-z0-9À-ɏ_@<-])(?:{latin})(?![A-Za-z0-9À-ɏ_]|-\d)"] if latin else []),
            *([f"(?:{han})"] if han else []),
        ]
        return re.compile("|".join(parts), re.I)

    def _learn(self, name: str) -> None:
        words = _words(name)
        if not words or any(_squeezed(name) in company for company in self._companies):
            return
        is_han = _is_han(name)
        keys = {words[0][0]} if is_han and len(words) == 1 else {word.lower() for word in words}
        if is_han and name[0] in "小阿":
            keys = {name[1]}
        person = next((n for n, parts in enumerate(self._persons) if parts & keys), None)
        if person is None:
            person = len(self._persons)
            self._persons.append(set())
        self._persons[person] |= keys
        whole = " ".join(words).lower()
        self._forms.setdefault(whole, person)
        if not is_han and len(words) > 1:
            for place, word in enumerate(words):
                small = word.lower()
                if len(small) > 2 and (small not in COMMON or place == 0):
                    self._forms.setdefault(small, person)


def _given(text: str, *, by_agent: bool) -> Iterator[str]:
    """Names that a text gives."""
    begun = [word.start() for word in LETTERS.finditer(text) if word[0].lower() in CUES]
    found = [pattern.match(text, place) for place in begun for pattern in PATTERNS]
    found += HERE.finditer(text) if " here" in text else ()
    found += ADDRESSED.finditer(text) if by_agent and ", " in text else ()
    for match in found:
        kept: list[str] = []
        for word in match["name"].split(" ") if match else ():
            if _is_no_name(word):
                break
            kept.append(word)
        if kept:
            yield " ".join(kept)
    if ANY_HAN.search(text):
        for pattern in HAN_PATTERNS:
            for match in pattern.finditer(text):
                yield match["name"]


def _is_no_name(word: str) -> bool:
    small = word.lower().replace("’", "'")
    return small in NO_WORDS or (small.endswith("ing") and len(small) > 5)


def is_person(speaker: str) -> bool:
    """Whether a speaker's name is a person's, and not a role, a number or a company's handle."""
    name = speaker.strip()
    if len(name) < 2 or len(name) > 60 or not PERSON.fullmatch(name):
        return False
    words = _words(name)
    if not words or any(side_of_word(word) or _is_no_name(word) for word in words):
        return False
    if side_of_word(name) or any(
        role in name for role in ("客服", "客户", "用户", "机器人", "系统")
    ):
        return False
    return not any(HANDLE.search(word) for word in words)


def _words(name: str) -> list[str]:
    return [word for word in name.split() if word.strip(".")]


def _is_han(form: str) -> bool:
    return "\u4e00" <= form[0] <= "\u9fff"


def _squeezed(word: str) -> str:
    return re.sub(r"[\W_]+", "", word).lower()
