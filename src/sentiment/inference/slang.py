"""Words of chats and tweets that are spelled like nonsense: abbreviations, interjections, laughter."""

import re
from itertools import groupby

WORDS = """
afk ahh arghh asf awh aww bbl bcuz bday bff bffl bffs bfn bgm brb brr btch btdt bts btw byob cbf cuz cya dafuk dafuq
dayum dftba dgaf dgmw diy dkdc dmd dms dnd dtf duh eod eww faq faqs fbf fckn ffw fkin fking fkn fmk fml frfr frl
ftfy ftl ftw fuq fwb fwd fwiw fyi gaf gah gawd gbu gdi gfs ggez ggwp glhf gmo grr gtfo gtg gtk hbd hbu heh hfn hifw
hml hmm hmph hmu hrm hru icl icymi idfc idfk idgaf idkw idky ifkr ihu ihy iirc ikr ilu ilyg ilyk ilysm imho imysm
inb iykwim iykyk jfc jfyi jks jmo jst kek kms knw kthx kthxbye lbh lbr lbvs ldr lfg lfm lgbtq lgtm lmao lmbo lmfao
lmk lmms lmno lmso lqtm lulz luv luvs lvl lyl lysm mdr meh mfs mfw mhm mmh mmk mmkay mmm msg msgs mtfbwy mua mwah
mwahaha myob nbd ncba ngl ngmi nmh nmjc nmu noob npc nsfl nsfw ntm nty nuh nvm nvmd nvr nvrm nyc obvs ofc okk omd
omds omfg omg omgosh omgs omgwtf omgwtfbbq oml ooc oof ooh oomf oomfs ooo ootd otoh otw pdq pff pfp pft phwoar pissd
plss plx plz pmd pmpl pmsl pooh ppl ppv pshh psst ptdr ptl pwn pwnd pwned qft qotd rekt rlly roflmao rotfl rsvp rtfm
rtw sfw shh sksk sksksk smdfh smdh smfh smh smth snafu snm soz spk srsly sry stfd stfu sux svp swmbo tbd tbf tbfh
tbh tbqh tbt tbth tfb tfc tfti tfw tgif thnkx thnx thx tkx tldr tmi tmr tmrw tmw tnx topkek tqm tsk tsktsk ttfn tty
ttyl ttyn ttys twss twt txt txtd txting txts tyfys tyia tysm tyt tyty tyvm ughh uhh uhm umhm unf uwu vry wbk wbu wby
wdhm wdyd wdym wdyt wfh wknd wknds wld wlh wltm wowza wru wsg wsup wtb wtf wtfh wtg wthh wtm wud wuu wyd wydm wym
xox xxx yaas yaay ydk ykw ykwim ymmv yowza ytd yws zomg zzz
"""
_REPEATED = re.compile(r"[aeiou]?(?:([a-z][aeiou])\1+|(?:lo)+l|(?:x?d)+|(?:ks)+k?)[a-z]?")  # laughter, kisses


def collapse(word: str) -> str:
    """Return a word with each letter once that stands in a row: lmaooo is lmao, pfft is pft."""
    return "".join(letter for letter, _ in groupby(word))


SLANG = frozenset(map(collapse, WORDS.split()))


def is_slang(word: str) -> bool:
    """Test a word in lower case, stretched or not, for known slang and for laughter."""
    short = collapse(word)
    return short in SLANG or _REPEATED.fullmatch(short) is not None
