"""The names in a zip file whose encoding it does not say.

A zip says of a name that it is UTF-8, or nothing. Programs then write the code page of their own system, and every
sequence of bytes is some text in several of them: "Bär" in a German code page is "B꼛" in the Korean one. So the
encoding is decided once for the whole archive, by how plausible its names are as text in each.
"""

from collections.abc import Callable, Iterable

# in order of preference where two are as plausible
ENCODINGS = ("cp949", "cp932", "gbk", "cp850", "cp437")
MAX_JUDGED = 20_000  # characters of names; an archive of more is judged by its first

# the most frequent characters of each script in running text, which make up a third of it and more
_HANGUL = set(
    "이다의에는가을고하지를은기사한인도리로서시자어아나라대일그수정해것전스부제보과여원상주으들장만있공비조소면성"
    "구선게동우신모안치유미트드강마양생연방경관실계거용화무산물음식입습했니히위체교된점력금등적운작분발급름속열불"
    "진향량품건결함합격외내손색검빨노파란초록녹훈련증테별류형태표준왼른쪽앞뒤래얼굴람남갑각간갈감값개객갱걸겁견겸"
    "곡곤골광괴국군궁권귀규균극근글긍긴길김깨꼬꽃꿈끼끝난날납낮냉너널네녀년념논농높누눈뉴늘능단달담답당댁더덕던데"
    "독돈돌두둑둘득든디따때떠또락랍랑략러런럼레려렬령론롬료루률르릉린림립막말망매맥맨머먹먼멀메며멸명목몬몰몸못문"
    "뮤므민밀바박반받밤배백밴버번벌범법베벤벨벽변병복본볼봉북붕브블빈빌살삼새석설섬세센셀송숙순술숨승심싸씨악알암"
    "압애액야약억언엄업엔역염영예오옥온올와완왕요울움웅워월육윤율응익임잉잔잘재저절접족존종좌죄죽줄중즉즐직질집차"
    "착찬참창채책처척천철첨청촉촌총최추축춘출충취측층친칠침카칸칼커컴케코콘콜쿠크클키킨타탁탄탈탐택터토톤통투특티"
    "틀팀판팔패팬퍼펀페편평폐포폭풍프플피필학할항핵행허헌험혁현혈혜호혹혼홀홍확환활황회획횡효후휴흐흑흡흥희힘닭곰"
    "돼빵밥딸"
)
_HANZI = set(
    "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后小么心多天"
    "而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知合格品正常缺陷良"
    "坏玫瑰蝴蝶葡萄西瓜桃梨茶鸡鸭虫蛇蛙鼠猴狮豹狼鹿菜豆米包糕糖酒杯碗盘刀桌椅床灯门窗书笔纸衣服鞋帽脚眼耳口鼻脸物"
    "风景建筑街山河海湖空云雨雪月星光火土石金银铁木林叶根果实种农业工医疗病健康检查细胞肺脑血骨片标注分割识别目验"
    "证件夹新副照原始结猫狗鸟鱼马牛羊猪花草树车船飞机苹香蕉水红黄蓝绿白黑男女图像集测试训练类数据兔虎熊象"
)
_KANJI = set(
    "日一国人年大十二本中長出三時行見月後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半"
    "男西電校語土木聞食車何南万毎白天母火右読友左休父雨猫犬鳥魚馬牛羊豚花草船飛機果物赤青黄緑黒画像訓練検証試験類"
)
_LATIN = set("äöüßÄÖÜéèêëàâáåæçñíìîïóòôõøúùûýÿãÉÈÊËÀÂÁÅÆÇÑÍÓÒÔÕØÚÙÛÃœŒ")


def decode_names(raw_names: Iterable[bytes]) -> Callable[[bytes], str]:
    """The decoder of an archive's names that are not said to be UTF-8, from all of those that are not ASCII."""
    raw_names = list(raw_names)
    encoding = _choose({part for raw in raw_names for part in _parts(raw)}, raw_names) if raw_names else "cp437"
    return lambda raw: raw.decode(encoding)


def _parts(raw: bytes) -> list[bytes]:
    # a slash is never the second byte of a character in these encodings
    return [part for part in raw.split(b"/") if not part.isascii()]


def _choose(parts: Iterable[bytes], raw_names: Iterable[bytes]) -> str:
    if _decodes(raw_names, "utf-8"):  # other text is hardly ever valid in it, but a single pair of bytes may be
        text = "".join(raw.decode() for raw in raw_names)
        others = [character for character in text if not character.isascii()]
        if len(others) > 1 or max(others) > "\u07ff" or _latin_points(text) > 0:
            return "utf-8"
    scores: dict[str, float] = {}
    for encoding in ENCODINGS:
        if _decodes(raw_names, encoding):
            scores[encoding] = _score(sorted(parts), encoding)
    return max(scores, key=lambda encoding: (scores[encoding], -ENCODINGS.index(encoding)))


def _decodes(raw_names: Iterable[bytes], encoding: str) -> bool:
    try:
        for raw in raw_names:
            raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _score(parts: Iterable[bytes], encoding: str) -> float:
    """How plausible the parts of names are as text in this encoding, in points per byte that is not ASCII."""
    points, size = 0.0, 0
    for part in parts:
        text = part.decode(encoding)
        points += _latin_points(text) if encoding in ("cp850", "cp437") else _asian_points(text, encoding)
        size += sum(byte > 127 for byte in part)
        if size > MAX_JUDGED:
            break
    return points / max(1, size)


def _asian_points(text: str, encoding: str) -> float:
    points = 0.0
    for at, character in enumerate(text):
        if not character.isascii():
            points += _ASIAN_POINTS[encoding](character)
            points -= 2 * any(
                other.isascii() and other.isalpha() for other in (text[at - 1 : at], text[at + 1 : at + 2])
            )
    return points


def _is_plain_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()


def _korean_points(character: str) -> float:
    if not "가" <= character <= "힣":
        return 0 if character in "·ㆍ～" else -1 if "一" <= character <= "鿿" else -2
    # beside the 2,350 syllables of KS X 1001, cp949 has 8,822 that Korean does not use
    return 4 if character in _HANGUL else 1.2 if min(character.encode("cp949")) > 0xA0 else -2.5


def _japanese_points(character: str) -> float:
    if "ぁ" <= character <= "ヿ" or character in "々〆":
        return 3
    if "｡" <= character <= "ﾟ":  # half-width, one byte each: what other encodings' bytes look like
        return -3
    if "一" <= character <= "鿿":
        code = character.encode("cp932")
        return 4 if character in _KANJI else 2 if code[0] < 0x98 else -1  # level 1 of JIS X 0208 ends there
    return 1 if "ａ" <= character <= "ｚ" or "Ａ" <= character <= "Ｚ" or "０" <= character <= "９" else -2


def _chinese_points(character: str) -> float:
    if "一" <= character <= "鿿" and min(code := character.encode("gbk")) > 0xA0:
        # level 1 of GB 2312, its 3,755 frequent characters, ends at D7
        return 4 if character in _HANZI else 1.2 if code[0] <= 0xD7 else -1
    return 0 if character in "（）·" else -3


_ASIAN_POINTS = {"cp949": _korean_points, "cp932": _japanese_points, "gbk": _chinese_points}


def _latin_points(text: str) -> float:
    """A letter with an accent counts where it stands in a word: beside plain letters, small after small."""
    points = 0.0
    for at, character in enumerate(text):
        if character.isascii():
            continue
        before, after = text[at - 1 : at], text[at + 1 : at + 2]
        if character not in _LATIN:
            points -= 3
        elif (character.islower() and after.isupper()) or (before.islower() and character.isupper()):
            points -= 2
        elif _is_plain_letter(before) or _is_plain_letter(after):
            points += 2.5
        elif not (before and before in _LATIN) and not (after and after in _LATIN):
            points -= 2
    return points
