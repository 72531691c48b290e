"""Names in Chinese text: what stands in quotation marks, places, bodies, people, Latin words.

Chinese marks no names. So only those are judged that a pattern tells: a kind of place or body at
the end (…省, …公司, …河), a person by a family name between words that lead to people, what comes
from a list of countries and cities.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

HAN = "\u3400-\u9fff"
PLACES = (
    "中国 美国 英国 法国 德国 日本 韩国 朝鲜 印度 俄罗斯 苏联 加拿大 澳大利亚 新西兰 巴西 "
    "阿根廷 墨西哥 "
    "西班牙 葡萄牙 意大利 荷兰 比利时 瑞士 瑞典 挪威 丹麦 芬兰 波兰 奥地利 匈牙利 希腊 土耳其 "
    "埃及 南非 "
    "泰国 越南 新加坡 马来西亚 印度尼西亚 菲律宾 缅甸 柬埔寨 老挝 蒙古 伊朗 伊拉克 以色列 "
    "沙特 乌克兰 "
    "欧洲 亚洲 非洲 美洲 南极 北极 太平洋 大西洋 印度洋 地中海 伦敦 巴黎 柏林 罗马 纽约 "
    "华盛顿 旧金山 "
    "东京 大阪 首尔 莫斯科 悉尼 北京 上海 天津 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 "
    "福建 江西 "
    "山东 河南 湖北 湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 台湾 内蒙古 广西 西藏 宁夏 "
    "新疆 香港 澳门 "
    "广州 深圳 杭州 南京 苏州 成都 武汉 西安 长沙 郑州 青岛 大连 厦门 宁波 沈阳 哈尔滨 长春 "
    "济南 合肥 福州 "
    "昆明 南昌 贵阳 南宁 海口 太原 石家庄 兰州 西宁 银川 拉萨 乌鲁木齐 呼和浩特 无锡 佛山 "
    "东莞 珠海 "
    "洛阳 开封 桂林 三亚 敦煌 酒泉 西昌 长江 黄河 珠江 淮河 澜沧江 雅鲁藏布江 泰山 华山 黄山 "
    "峨眉山 "
    "珠穆朗玛峰 喜马拉雅山 昆仑山 天山"
).split()
SAME = {"中国": "我国 中华 国内 "
              "全国", "美国": "美方 全美", "英国": "英方 英格兰", "欧洲": "欧盟 全欧",
        "北京": "北平 首都", "澳大利亚": "澳洲", "俄罗斯": "俄国", "苏联": "前苏联"}  # fmt: skip
"""Other words of a source that a place may be called after."""
ENDS = (
    "有限公司 公司 集团 大学 学院 中学 小学 银行 医院 研究所 研究院 实验室 博物馆 图书馆 "
    "美术馆 体育馆 出版社 "
    "杂志社 报社 基金会 协会 委员会 法院 检察院 部落 王朝 帝国 共和国 自治区 自治州 自治县 省 "
    "市 县 区 镇 乡 村 "
    "山 河 江 湖 岛 半岛 海峡 高原 平原 盆地 沙漠 寺 庙 塔 大桥 机场 车站 火车站 码头 大街 "
    "街道 广场 公园 "
    "发射中心 日报 晚报 奖"
).split()
GENERIC = (
    # Words that end like names and are none.
    "城市 都市 超市 上市 股市 门市 夜市 集市 早市 楼市 入市 全市 本市 该市 各市 县市 省市 "
    "直辖市 地级市 副省级市 "
    "节省 反省 全省 本省 该省 各省 外省 省份 全县 本县 该县 各县 区县 地区 社区 小区 校区 "
    "园区 城区 郊区 "
    "山区 市区 景区 灾区 战区 特区 辖区 街区 禁区 误区 分区 片区 牧区 林区 库区 全区 本区 "
    "该区 各区 区域 农村 "
    "乡村 山村 渔村 全村 本村 该村 各村 城镇 乡镇 集镇 全镇 本镇 小镇 村镇 城乡 家乡 故乡 "
    "老乡 下乡 同乡 "
    "高山 登山 火山 爬山 冰山 雪山 青山 名山 开山 上山 下山 江山 河山 矿山 大山 深山 小河 "
    "大河 运河 过河 山河 "
    "江河 银河 拔河 内河 过江 渡江 沿江 跨江 大江 湖泊 湖 江湖 大湖 内湖 海岛 小岛 岛屿 群岛 "
    "孤岛 大岛 全岛 "
    "寺庙 古寺 佛寺 古庙 宝塔 古塔 高塔 水塔 铁塔 灯塔 佛塔 石塔 获奖 大奖 得奖 颁奖 中奖 "
    "评奖 抽奖 发奖 领奖 "
    "奖项 一等奖 二等奖 三等奖 分公司 子公司 母公司 总公司 本公司 该公司 家公司 上市公司 "
    "科技公司 有限公司 股份公司 "
    "贸易公司 保险公司 航空公司 建筑公司 物流公司 广告公司 互联网公司 大公司 小公司 名公司 "
    "的公司 国公司 司公司 "
    "大集团 本集团 该集团 的大学 所大学 上大学 读大学 考大学 名大学 国大学 重点大学 综合大学 "
    "的学院 各学院 二级学院 "
    "商业银行 中央银行 家银行 的银行 各银行 投资银行 家医院 的医院 大医院 中心医院 所医院 "
    "综合医院 的研究所 "
    "初中学 高中学 的中学 所中学 所小学 中小学 的小学 国家博物馆 座博物馆 的博物馆 家出版社 "
    "的出版社 "
    "国际机场 火车站 汽车站 地铁站 加油站 的机场 大型机场 的车站 的公园 主题公园 国家公园 的广场"
).split()
LEAVES = frozenset(
    "的了在是有和与及或于对从向到由为被把将给让使其该此这那本各每某全大小新老旧多数个座条家所"
    "名位种两一二三四五"
    "六七八九十中上下内外前后东西南北次几我你他她它们以之而且但则即也都还又就才再不没未无最更"
    "很比如等着过去来这"
)
"""Before the kind of a place they say that no name stands there, but a description."""
POINTING = frozenset("该此这那本各每某全多数个一两几我你他她它其谁的专有相")
"""Before somebody who is told by a description."""
SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡"
    "贾丁魏薛叶阎余潘杜戴夏"
    "钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚"
    "文欧诸葛"
)
TITLE = (
    "先生 女士 小姐 教授 博士 硕士 院士 老师 医生 律师 工程师 总经理 经理 主任 校长 院长 所长 "
    "局长 市长 省长 部长 总理 "
    "总统 主席 董事长 总裁 作家 诗人 画家 科学家 物理学家 化学家 数学家 建筑师 设计师 导演 "
    "演员 歌手 记者 将军 皇帝 "
    "高僧 工匠 学者 指挥 总指挥 负责人 创始人 发明家 同学 同志 大臣 夫人"
).split()
DEEDS = (
    "表示 认为 指出 提出 发明 发现 创办 创立 创建 成立 担任 出任 出生 逝世 率领 主持 介绍 "
    "宣布 负责 设计 建造 编写 撰写 "
    "所著 续写 著有 写了 写成 翻译 领导 绘制 作曲 执导 主演 研制 开发 设立 资助 签署 批准 "
    "出使 建立 编撰 编著 主编 修建 "
    "创作 命名 刊印 测量 保管 联系"
).split()
QUOTED = re.compile(
    r"《([^《》\n]{1,60})》|「([^「」\n]{1,60})」|『([^『』\n]{1,60})』|“([^“”\n]{1,60})”"
)
LATIN = re.compile(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ0-9]*(?:[.+#_-][A-Za-z0-9]+)*[+#]{0,2}")
FOREIGN = re.compile(rf"[{HAN}]{{1,6}}(?:[·•‧][{HAN}]{{1,6}})+")
ERA = re.compile(
    "([夏商周秦汉晋隋唐宋元明清]|[东西]汉|[东西]晋|[南北]宋|三国|南北朝)(?:代|朝|王朝|人)"
)
BY = re.compile(
    rf"(?:由|派|请|让|找)(?P<who>[{HAN}]{{2,4}}?)(?={'|'.join(DEEDS)}|前往|完成|兼任)"
    rf"|(?:是|叫|为)(?P<one>[{SURNAMES}][{HAN}]{{1,2}})(?=[，。；）)]|$)"
)
WHO = re.compile(
    rf"(?:^|[，。；、：\s（(]|(?:{'|'.join(sorted(TITLE, key=len, reverse=True))}))"
    rf"(?P<one>)(?P<who>(?:欧阳|司马|诸葛|上官|[{SURNAMES}])[{HAN}]{{1,2}}?)"
    rf"(?=(?:{'|'.join([*DEEDS, *TITLE])}|[，。、；）)]|$|和|与|及|说|在|于|是|把|被|将|写|的|从))"
)
NO_GIVEN_NAME = frozenset(
    "的了在是有和与及或于对从向到由为被把将给让使这那每某上下里中间时候度级速温效层等期围末方"
    "法式面案便种见常用规"
    "怎么什谁哪样死程序度数量力能性部分点线路车站年月日天周者员工人们众务业术校活动"
    "作品质格局势头种类型号称说明白色"
    "果然后来后前以以及其而以此并且但则即也都还又就才再不没未无最更很比如何许多少数可必需要应"
    "当该会能"
)
PEOPLE = frozenset(
    "专家 作者 学者 工匠 政府 公司 国家 学校 教师 老师 学生 员工 用户 经理 部门 部门经理 主任 "
    "医生 患者 科学家 工程师 "
    "研究者 研究人员 工作人员 管理员 负责人 他们 她们 它们 我们 你们 自己 本人 企业 法院 机关 "
    "机构 双方 甲方 乙方 买方 "
    "卖方 客户 厂家 系统 程序 服务器 客户端 后人 前人 当地 官方 中央 地方 银行 保险 团队 专人 "
    "后者 前者 两者 孕妇 "
    "经营者 消费者 医师 护士 司机 乘客 读者 家长 校方 院方 警方 军队 皇帝 人工 机器 计算机 "
    "电脑 软件 模型 算法 一般 "
    "如何 何时 何种 何人 方法 方式 方面 高度 高级 高温 高效 高速 马上 马路 周围 周期 周末 "
    "周边 常见 常用 常规 万一 "
    "万能 石头 石油 白色 白天 黄色 黄金 江河 金属 金额 金融 文字 文件 文化 文章 文本 文档 "
    "史料 田野 任何 任务 任意 "
    "任命 于是 许多 许可 余额 余下 夏季 夏天 叶子 钟头 易于 康复 雷达 雷电 龙头 程度 程序 "
    "方案 方便 方向 方程 "
    "单位 数据 参数 结果 内容 问题 情况 时间 地点 原因".split()
)


FEWEST, MOST = 3, 10
"""Characters of an answer that may be nothing but a name."""
REPLY = re.compile(
    r"是|不|否|对|可以|能|会|有|没|无|应|需|必|允许|禁止|都|正确|错误|因为|为了|当|如果|先|后|在"
)
"""Begins an answer that judges or explains rather than names."""
NUMBER = re.compile(r"[\d一二两三四五六七八九十百千万亿半几多倍]")


def chinese_missing(answer: str, sources: Sequence[str], *, people: bool = True) -> Iterator[str]:
    """Names of a Chinese answer that stand in no source.

    Args:
        answer: in NFKC, with “” as it was.
        sources: in NFKC.
        people: whether to look for people; False where the sources are in another language.
    """
    joined = "\n".join(sources)
    bare = re.sub(rf"(?<=[{HAN}])\s+(?=[{HAN}])", "", joined)
    seen: set[str] = set()
    for name in _candidates(answer, bare, people=people):
        if name not in seen:
            seen.add(name)
            yield name


def _candidates(answer: str, source: str, *, people: bool) -> Iterator[str]:
    taken = ""
    for place in PLACES:
        if place in answer and not _stands(place, source):
            if any(place in longer for longer in PLACES if longer != place and longer in answer):
                continue
            taken += place
            yield place
    yield from (
        name for name in _kinds(answer, source) if not any(c in name for c in taken.split())
    )
    for found in ERA.finditer(answer):
        era = found[1]
        before = answer[found.start() - 1 : found.start()]
        if era + "人" == found[0] and before not in "是，。为":
            continue
        if not re.search(rf"{era}(?:代|朝|王朝|人|初|末|中|时|太|高|武)", source):
            yield found[0]
    for found in FOREIGN.finditer(answer):
        first, *inner, last = re.split("[·•‧]", found[0])
        parts = [first[-2:], *inner, last[:2]]  # where the name begins and ends no mark tells
        if not all(part in source for part in parts):
            yield found[0]
    if people:
        for pattern in (BY, WHO):
            for found in pattern.finditer(answer):
                who = found["who"] or found["one"]
                if not _is_described(who, source, is_led=pattern is BY):
                    yield who


def _stands(place: str, source: str) -> bool:
    return place in source or any(other in source for other in SAME.get(place, "").split())


def _kinds(answer: str, source: str) -> Iterator[str]:
    """Names told by the kind of place or body at their end."""
    for kind in sorted(ENDS, key=len, reverse=True):
        for found in re.finditer(rf"(?<=[{HAN}])(?=[{HAN}]){kind}", answer):
            start = max(0, found.start() - 2)
            lead = re.search(rf"[{HAN}]*$", answer[start : found.start()])
            before = lead[0] if lead else ""
            name = before + kind
            if len(before) < 2 and kind not in {"山", "河", "江", "湖", "岛", "寺", "庙", "塔"}:
                continue
            if (
                before in VERBS
                or before[-1] in LEAVES
                or any(name.endswith(word) for word in GENERIC)
            ):
                continue
            behind = answer[found.end() : found.end() + 1]
            if len(kind) == 1 and any(kind + behind == word[:2] for word in GENERIC if behind):
                continue
            if len(kind) == 1 and f"{kind}{behind}" in FOLLOWED:
                continue
            short = before[-1] + kind
            if name in source or (len(kind) == 1 and (short in source or before in source)):
                continue
            if len(kind) > 1 and before in source:
                continue
            yield name


VERBS = frozenset(
    "创立 成立 创办 创建 开设 注册 建立 组建 设立 收购 衡量 前往 到达 抵达 离开 经营 管理 "
    "投资 参观 所在 附近 进入 加入 就读 "
    "毕业 任职 负责 使用 提供 选择 通过 获得 赢得 颁发 授予 设置 开放 游览 攀登 保护 治理 "
    "流经 横跨 位于 环绕 成为 作为 属于".split()
)
FOLLOWED = frozenset(
    "市场 市民 市值 市面 市政 省略 省去 省钱 省电 省力 省时 县城 区别 区分 区域 区间 镇定 "
    "镇静 镇压 山区 山脉 山谷 山坡 "
    "山顶 河流 河水 河道 河床 江水 江南 湖水 湖泊 湖面 岛屿 岛上 塔楼 奖励 奖金 奖学 奖品 "
    "乡村 乡镇 村民 村庄 村子 寺院 "
    "寺庙 庙宇 庙会".split()
)


def _is_described(who: str, source: str, *, is_led: bool) -> bool:
    """Whether somebody is named in the source, or not by name; 由 and a deed lead to a name."""
    if who in source or any(who.startswith(word) or who.endswith(word) for word in PEOPLE):
        return True
    if is_led:
        return who[0] in POINTING
    return any(char in NO_GIVEN_NAME for char in who[1:]) or who[0] in LEAVES


def shares_nothing(answer: str, sources: Sequence[str]) -> bool:
    """Whether a short answer has no two neighbouring characters with any source.

    Most Chinese names no pattern tells; but an answer that is one stands alone.
    """
    runs = re.findall(rf"[{HAN}]+", answer)
    n_chars = sum(map(len, runs))
    if not FEWEST <= n_chars <= MOST or REPLY.match(answer.strip()) or NUMBER.search(answer):
        return False
    pairs = {run[n : n + 2] for run in runs for n in range(len(run) - 1)}
    return bool(pairs) and not any(pair in source for pair in pairs for source in sources)


def quoted(answer: str) -> Iterator[str]:
    """What stands in title marks and Chinese quotation marks."""
    for found in QUOTED.finditer(answer):
        yield next(part for part in found.groups() if part)


def latin_words(answer: str) -> Iterator[str]:
    """Latin words within a Chinese text, of two letters or more."""
    for found in LATIN.finditer(answer):
        before = answer[found.start() - 1 : found.start()]
        if len(found[0]) > 1 and not (before.isdigit() or before in {"°", "µ", "/"}):
            yield found[0]
