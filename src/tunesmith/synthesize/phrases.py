"""Phrases that teachers write and no dataset should teach: in English, Chinese, Spanish, Korean."""

from __future__ import annotations

import re


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.I)


TEXT = (
    r"(?:text|passage|excerpt|document|article|context|paragraph|section|source|material"
    r"|snippet|extract)"
)
GIVEN = r"(?:above|provided|given|following|supplied|present|preceding|attached|same)"
SAYS = (
    r"(?:say|state|mention|describe|explain|indicate|note|suggest|specif(?:y|ie)|tell|list"
    r"|provide|discusse?|refer"
    r"|report|highlight|emphasi[sz]e|emphasi[sz]|outline|make|do(?:es)? not|doesn['’]?t|did not"
    r"|didn['’]?t|only)(?:s|d|ed)?\b"
)
文 = (
    "(?:原文|本文|上文|文中|文章|文档|文本|材料|段落|短文|该文|上述(?:内容|文本|材料|段落)?"
    "|以上(?:内容|文本|材料|段落)|所给(?:内容|文本|材料|段落)?)"
)
说 = (
    "(?:提到|指出|说明|说|写道|提及|称|介绍|描述|认为|显示|表明|强调|讲述|阐述|给出|列出|没有"
    "|未|并未|明确|可知|可以看出)"
)
SOURCE_MENTIONS = _any(
    rf"\b(?:according to|based on|as (?:stated|mentioned|described|noted|shown|explained"
    rf"|indicated|given|outlined) (?:in|by)"
    rf"|per) (?:the|this|that) (?:{GIVEN} )?{TEXT}s?\b",
    rf"\bin (?:the|this) (?:{GIVEN} {TEXT}|passage|excerpt|snippet)\b",
    r"\bin (?:the|this) (?:text|document|article|context|paragraph)(?=\s*[,.;]|$)",
    rf"\b(?:the|this) (?:{GIVEN} )?{TEXT} (?:also |further |clearly |explicitly |only "
    rf"|itself )?{SAYS}",
    r"\bas (?:mentioned|stated|described|noted|discussed|explained|said) (?:above|earlier"
    r"|before|previously|below)\b",
    r"\b(?:mentioned|stated|described|given|provided) (?:above|in the (?:text|passage|document"
    r"|article|context|excerpt))\b",
    r"\bthe (?:author|writer|speaker) (?:of (?:the|this) (?:text|passage|article) )?(?:say"
    r"|state|mention|argue|claim|explain|note|write)s\b",
    rf"(?:根据|按照|依据|由|从|据)(?:提供的|给定的|给出的|以上|上面的|这段|这篇|所提供的)?{文}",
    rf"{文}(?:中|里|内)?(?:还|也|明确|只|曾|并)?{说}",
    r"(?:如|正如)?(?:上文|前文|上面|前面|文中)所(?:述|说|提|示|言)|如上所述|如前所述",
    r"在(?:这|该|本)(?:篇|段)(?:文章|文字|文本|材料|话)?中",
    r"(?:提供|给定|给出)的(?:文本|文章|材料|段落|内容|上下文|资料|信息)",
    r"\bsegún (?:el|la|lo) (?:texto|pasaje|documento|artículo|fragmento|contexto|párrafo"
    r"|mencionado|indicado)\b",
    r"\b(?:el|este) (?:texto|pasaje|documento|artículo|fragmento) (?:dice|menciona|indica"
    r"|señala|afirma|explica|no|describe)\b",
    r"\b(?:en|como indica|como dice) el (?:texto|pasaje|fragmento)\b",
    r"\bcomo se (?:menciona|indica|señala|describe|dijo|mencionó)(?: (?:arriba|antes"
    r"|anteriormente|en el))?\b",
    r"(?:본문|지문|윗글|위 글|이 글|제시문|(?:제공|제시|주어)된? ?(?:글|텍스트|문서|내용)|문서"
    r"|텍스트|기사|글)(?:에|에서|의 내용에)? ?(?:따르면|의하면|언급|나와)",
    r"(?:본문|지문|윗글|위 글|제시문)(?:에|에서|은|는|의)",
    r"위에서 (?:언급|설명|말)|앞서 (?:언급|설명)",
)
REFUSALS = _any(
    r"\bas an? (?:\w+ )?(?:ai|artificial intelligence|language model|llm|chat ?bot)\b",
    r"\bi(?:['’]m| am) (?:an ai|a language model|unable to|not able to)\b",
    r"\bi(?:['’]m| am) (?:very |so )?sorry,? (?:but\b|i (?:can|could|am|do|have no)|as an?\b)",
    r"\b(?:sorry|apologies),? (?:but )?i (?:can|could|am|do)",
    r"\bi (?:can ?not|can['’]?t|won['’]?t|could not|couldn['’]?t) (?:help (?:with|you)|assist"
    r"|answer|provide|determine|fulfil|generate"
    r"|comply|access|discuss that)",
    r"\bcan ?not be fulfilled by\b",
    r"\bi (?:do not|don['’]?t) (?:have (?:access|enough|any|the"
    r"|sufficient) ?(?:\w+ )?(?:information|to|details|context|data)?|know\b)",
    r"\b(?:not enough|insufficient|no) (?:information|context|details) (?:is |was "
    r"|are )?(?:provided|available|given|to|in|about)\b",
    r"\b(?:can ?not|can['’]t) be (?:determined|answered) (?:from|based|with)",
    r"作为(?:一个|一名|一款)?(?:AI|人工智能|语言模型|大(?:型)?语言模型|大模型|聊天机器人|智能助手)",
    r"我(?:只)?是一个?(?:AI|人工智能|语言模型|大(?:型)?语言模型)",
    r"(?:抱歉|对不起|不好意思)[，,。！]?\s*(?:但)?(?:我|作为|这|该|无法|不能)",
    r"我(?:无法|不能|没有办法|没办法)(?:回答|提供|协助|确定|帮助|判断|完成|生成|满足|访问|给出)",
    r"(?:没有|缺乏|缺少)(?:足够|相关|充分)的?(?:信息|资料|内容|上下文)"
    r"|无法(?:从.{0,12})?(?:确定|得知|回答|判断|获知)(?:答案|该|这|问题|。|$)",
    r"\bcomo (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje)\b",
    r"\blo siento,? (?:pero )?(?:no|como)|\bno puedo (?:responder|ayudar|proporcionar|cumplir"
    r"|determinar)",
    r"\bno (?:tengo|hay|dispongo de) (?:acceso|suficiente|información)",
    r"(?:저는|나는) ?(?:AI|인공지능|언어 ?모델)|(?:AI|인공지능|언어 ?모델)(?:로서|이기 때문에"
    r"|이므로)",
    r"죄송(?:합니다|하지만|하지만요|해요)|(?:답변|제공|도와|도움|대답)[^.]{0,6}(?:할|드릴) 수 없",
    r"(?:정보가|내용이) (?:없습니다|부족합니다|제공되지)",
)
PLACEHOLDERS = _any(
    r"[\[<{（(【]\s*(?:insert|your|add|enter|put|fill|name of|(?-i:todo(?! )|TODO)|tbd"
    r"|placeholder|e\.g\.|specify)\b[^\]>})）】]*[\]>})）】]?",
    r"\[(?:(?:company|customer|client|product|first|last|full|user)[ _-]?)?(?:name|date|number"
    r"|address|city|link|answer|question|topic"
    r"|year|amount|x+|blank|redacted)\]",
    r"\{\{.*?\}\}|<(?:answer|question|name|blank)>",
    r"\b(?:lorem ipsum|answer goes here|your answer here|to be filled in|(?-i:TBD|TODO|FIXME))\b",
    r"(?<![A-Za-z0-9])X{3,}(?![A-Za-z0-9])|_{3,}",
    r"[\[【（(<]\s*(?:此处|这里|在此|请?(?:插入|填写|填入|输入)|您的|你的|待补充|待填"
    r"|占位)[^\]】）)>]*[\]】）)>]?|(?:此处|这里)(?:填写|插入|省略)|待补充|待填写",
    r"[\[<(]\s*(?:insertar?|su nombre|nombre|fecha|aquí|completar|por completar)\b[^\]>)]*[\]>)]",
    r"[\[<(]\s*(?:여기에|이름|날짜|회사명|입력|삽입)[^\]>)]*[\]>)]",
)
CONTEXT_BOUND = _any(
    rf"\b(?:the|this|that) (?:{GIVEN}(?![^?]*[:\"“]) )?(?:passage|excerpt|snippet|paragraph)\b",
    rf"\b(?:this|that|these|those|the {GIVEN}(?![^?]*[:\"“])) (?:{TEXT}|page|chapter|report"
    rf"|story|table|figure|list|image|picture|chart|file"
    r"|policy|contract|study|paper|book|author|information|data|case|rule|clause|law|example"
    r"|statement|process|step|method"
    r"|term|product|event|person|man|woman|place|organi[sz]ation|company|word|sentence)s?\b",
    rf"\b(?:according to|in|from|by|of) the (?:{GIVEN} )?(?:text|article|context"
    rf"|document)(?=\s*[,.?;]|$)",
    rf"\b(?:does|did) the (?:{GIVEN} )?(?:text|article|context|document) (?:{SAYS}|mean|imply"
    rf"|conclude|argue|claim)",
    r"\bthe (?:author|writer|narrator|speaker)\b(?! of (?!th))",
    r"\b(?:mentioned|described|stated|discussed|shown|listed|given|provided|referenced"
    r"|named) (?:above|below|here|earlier|in the"
    r" (?:text|passage|article|document|context|section|excerpt|paragraph))",
    r"\b(?:above|below)[- ]mentioned\b",
    r"原文|本文|上文|文中(?!学)|该文(?!件)|(?:文章|文档|文本|材料|段落|短文)(?:中|里|内|说|提"
    r"|讲|主要|认为|介绍|描述|指出|的(?:作者|标题|主旨|中心|观点|主题))",
    r"(?:这|该|此)(?:篇|段(?!时间|路|经历|代码|日子|话)|节|章|份|条|张表|幅图|部分)"
    r"|(?<![这那每几一两三基根原成日样书])(?:本|该|此)(?:公司|企业|单位|产品|机构|学校|地区"
    r"|城市|章|节|表|图|书|报告|文件|文档|政策|合同|规定|条款|研究|页)",
    r"(?:上述|前述|上面(?:的|提到)|前面提到|以上)",
    r"\b(?:este|esta|ese|el anterior|el siguiente) (?:texto|documento|pasaje|artículo|fragmento"
    r"|párrafo|informe|caso|capítulo)\b",
    r"\b(?:en|según|del?) (?:el )?(?:texto|pasaje|fragmento|contexto|autor)\b",
    r"(?:이|본|위|해당|다음) ?(?:문서|글|텍스트|본문|지문|문단|단락|표|그림|기사|보고서|내용"
    r"|자료|장|절)(?:에|의|은|는|이|가|을|를|에서|\s)|본문|지문에|윗글|글쓴이|저자는",
)
EXPLETIVE = re.compile(
    r"\b(?:is|was|does|did|will|would|can|could|may|should|must|has) it (?:be |been )?"
    r"(?:(?:\w+ ){0,3}\w+ (?:to|that|for|if|when)\b|take|rain|snow|that|who|which|when|to\b"
    r"|matter (?:if|whether|that))"
    r"|what time is it|what (?:does it mean|is it like) (?:to|when|if|that|for)|what does it take",
    re.I,
)
"""Where "it" stands for what follows: "Is it safe to ...?"."""
POINTING = re.compile(
    r"^(?:(?:and|but|so|then|also),? )?(?:(?:in|on|at|for|from|to|by|with|under|of|until|since"
    r"|about) )?"
    r"(?:what|who|whom|whose|when|where|why|which|how)(?:(?! (?:it|he|she|they|this|that|these"
    r"|those)\b) [a-z]+){0,3}?"
    r" (?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|must|may"
    r"|might)(?:n['’]t)?"
    r" (?:it|he|she|they|this|these|those)\b"
    r"|^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|must"
    r"|may)(?:n['’]t)?"
    r" (?:it|he|she|they|this|these|those)\b"
    r"|^(?:explain|describe|summari[sz]e|define|list|discuss|tell me about|what about"
    r"|how about) (?:it|this|that|them|these|those)\b[.?!]?$"
    r"|^(?:what|who|where|when|how) (?:is|are|was|were|about) (?:its|his|her|their|this|that"
    r"|these|those|it|he|she|they)\b"
    r"|^(?:what|who|where|when|how|which) (?:is|are|was|were) (?:this|that|these|those|it|he"
    r"|she|they)[?.!]?$",
    re.I,
)
POINTING_HAN = re.compile(
    r"^(?:请问|那么|那)?[，,]?(?:它们?|他们?|她们?|这些?|那些?|其|此|该)(?!里|么样?才能|个世界"
    r"|年头)"
    r"|^(?:什么是|谁是|何时|为什么|为何|如何|怎么|怎样)(?:它们?|他们?|她们?|这个?|那个?"
    r"|其)(?!他|她|它|中|实|余|间|次)"
)
QUESTION_WORDS = _any(
    r"\b(?:who|whom|whose|what|when|where|which|why|how)\b",
    r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|must|may|might"
    r"|am|shall)\b",
    r"什么|谁|哪|如何|怎么|怎样|为何|多少|几|是否|吗|呢|何时|何地|何种|何为|多久|多大|多长|多高"
    r"|多远|多重|能否|可否|有无|是不是|有没有",
    r"\b(?:qué|quién|quiénes|cuál|cuáles|cuándo|dónde|por qué|cómo|cuánto|cuánta|cuántos"
    r"|cuántas)\b",
    r"무엇|무슨|누구|누가|언제|어디|왜|어떻게|어떤|몇|얼마|어느|까$|까\?|나요|는가|인가",
)
STATEMENT = re.compile(
    r"^(?:the|a|an|it|this|that|these|those|there|he|she|they|we|you|i|yes|no|in|on|at|by|for"
    r"|from|after|before|during|since|its|his|her"
    r"|their|our|my)\b|^(?:\S+ ){1,6}(?:is|are|was|were|has|had|will|does|did)\b|^\W*\w+\W*$",
    re.I,
)
"""English that asks for nothing; other first words may be verbs, and then it is a request."""
TRANSLATES = re.compile(
    r"\b(?:translat|in (?:english|chinese|spanish|korean|french|german|latin|japanese|italian"
    r"|russian|arabic)|(?:english|chinese|spanish"
    r"|korean|french|german|latin|japanese) (?:name|word|term|for|title))"
    r"|[英法德俄日韩中西]文|[英法德俄日韩汉]语|拉丁|希伯来|阿拉伯|翻译|译|原名|외국어|영어|번역"
    r"|\btradu|en inglés",
    re.I,
)
"""What may be answered in another language."""
REQUESTS = _any(
    r"(?:^|[,.:;] )(?:please,? |kindly |briefly )*(?:explain|predict|propose|render|describe"
    r"|list|name|give|state|summari[sz]e|compare|contrast"
    r"|define|identify|outline|discuss|tell|show|write|translate|classify|calculate|compute"
    r"|provide|mention|find|choose|select|complete"
    r"|create|generate|extract|rewrite|paraphrase|analy[sz]e|evaluate|suggest|recommend|convert"
    r"|draft|compose|determine|specify|enumerate"
    r"|illustrate|justify|elaborate|clarify|answer|fill|match|order|sort|correct|edit|quote"
    r"|point out|sum up|recount|report)\b",
    r"^(?:请|试|简要|简单)?(?:你)?(?:解释|说明|列出|列举|说出|描述|简述|概括|总结|比较|介绍|写"
    r"|给出|指出|判断|分析|翻译|归纳|阐述|讲|谈|告诉|提取|分类|改写|举例|计算|对比|论述|概述"
    r"|回答|找出|补充|续写|生成)|^请",
    r"^(?:explica|describe|enumera|menciona|resume|compara|define|indica|nombra|escribe|traduce"
    r"|di|da|cita|señala|analiza|clasifica)\b",
    r"(?:하시오|하세요|주세요|해라|하라|십시오|해 줘|해줘|보시오|보세요)[.!]?$",
)
