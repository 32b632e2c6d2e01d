"""Strings that would act where they are written raw: in a terminal, a spreadsheet, a page or a Markdown file."""

CONTROL = (
    *("\x1b[2J", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b]8;;http://evil\x07link", "\x9b2J", "nul\x00byte"),
    *("\x07bell", "back\x08space", "\x7fdelete", "\x0bvertical", "\x0cform", "\r=1", "over\rwrite", "\x85next"),
    *("left\u202eright", "\u202abidi", "\u2066isolate\u2069", "\u200fmark", "\u200bzero", "\ufeffbom", "\u2028line"),
)
FORMULAS = (
    *("=1+1", '=cmd|" /C calc"!A0', "+1", "-1+1", "@SUM(A1)", "\t=1", "\n=1", " =1", "\uff1d1", "\uff20x"),
    *('=HYPERLINK("http://evil")', "=1;2", "'=1", '"=1"'),
)
MARKUP = (
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", '" onload="x'),
    *("[a](javascript:alert(1))", "![x](http://evil/x.png)", "{{7*7}}", "{% raw %}", "a|b|c", "`code`", "&lt;b&gt;"),
)
STRINGS = (*CONTROL, *FORMULAS, *MARKUP)
