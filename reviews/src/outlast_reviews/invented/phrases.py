"""The parts of the sample's sentences, about a lamp that does not exist (pure)."""

PRODUCT = "Lanternfish desk lamp (invented for this sample)"

FIRST_NAMES = (
    "Abena", "Alba", "Anouk", "Aroha", "Bela", "Caspar", "Dagny", "Davor", "Eilis", "Emeka", "Fenna", "Goran",
    "Hilde", "Ikram", "Ilse", "Jorun", "Kaito", "Kirsi", "Lazlo", "Linnea", "Mairi", "Malik", "Nadezh",
    "Noor", "Odile", "Oona", "Pavel", "Quirin", "Radka", "Rasmus", "Saoirse", "Signe", "Tamsin", "Teodor",
    "Ulla", "Vesna", "Wanja", "Xenia", "Yara", "Zoltan",
)  # fmt: skip
LAST_NAMES = (
    "Abbelund", "Brackwater", "Cindermoor", "Dovetail", "Elderquist", "Fennimore", "Gullholm", "Hartwood",
    "Ivarstone", "Juniperson", "Kestrelby", "Larkspurn", "Mossgrove", "Nettlefold", "Oakenshade", "Pebbleton",
    "Quillfeather", "Rookwell", "Saltmarsh", "Thistledown", "Umberly", "Vinterbach", "Willowmere", "Yarrowby",
    "Zephyrine",
)  # fmt: skip

PLACES = (
    "my desk", "the night table", "our reading corner", "the sewing room", "a narrow shelf", "the workbench",
    "my daughter's room", "the piano", "a caravan", "the home office", "the hallway", "an old drawing board",
)  # fmt: skip
SPANS = (
    "two weeks", "a month", "six weeks", "a whole winter", "ten days", "three evenings", "half a year", "one term",
    "a few nights", "the holidays",
)  # fmt: skip
COMPARED = (
    "the brass one it replaced", "a much dearer lamp at work", "my brother's", "the one from the flea market",
    "an earlier model", "our ceiling light", "what I had in mind", "a candle, honestly",
)  # fmt: skip

OPENINGS = (
    "Bought it for {place} and have used it for {span}.", "It has stood on {place} since spring.",
    "A present from my aunt; now it lives near {place}.", "After {span} I can say a little about it.",
    "We wanted something small for {place}.", "Ordered two, one for me and one for {place}.",
    "My old lamp gave up, so this one moved to {place}.", "I was not sure, but {span} later it is still here.",
    "Picked it because of the colour, for {place}.", "Found it while looking for a gift.",
)  # fmt: skip
GOOD = (
    "The light is {warm} and does not flicker.", "The arm stays where I put it, {bent}.",
    "Compared with {compared} it is a clear step up.", "The switch clicks {nicely} and sits in a sensible place.",
    "Setting it up took {minutes} minutes without the leaflet.", "Its foot is heavy enough for {place}.",
    "I like that the cable is {long} and wrapped in cloth.", "Reading small print is {easy} again.",
    "The dimmer goes down to {low}, which the cat approves of.", "It looks {fine} beside the books.",
    "No smell, no hum, and it runs {cool} after hours.", "The shade turns {turned}, handy for video calls.",
    "For {span} I have not touched the settings and still like them.",
    "Spare bulbs were {spare} at the corner shop.",
)  # fmt: skip
BAD = (
    "The arm sinks {slowly} when I tilt it.", "Next to {compared} the light looks {pale}.",
    "The switch is {hidden} and hard to find in the dark.", "After {span} the dimmer began to buzz.",
    "The screw in the foot came loose {times}.", "The cable is {short} for {place}.",
    "The paint had a scratch {where} on arrival.", "The leaflet is printed in letters for {readers}.",
    "It gets {hot} if left on through the evening.", "I expected more from the glass, it seems {thin}.",
    "The plug wobbles in {sockets} of our sockets.", "The shade rattles when {rattles}.",
)  # fmt: skip
CLOSINGS = (
    "I would pick the green one next time.", "That is all I have to say about a lamp.", "My sister wants one now.",
    "Let us see how it does after {span}.", "For the price that is fair.", "It does its work.",
    "The box was larger than needed.", "I keep it, at any rate for {place}.", "Not more, not less.",
    "Delivery was slow because of the snow.", "We argue about who gets it.", "I may write again after {span}.",
)  # fmt: skip
FILLINGS = {
    "warm": ("warm", "soft yellow", "even", "calm", "brighter than I thought", "like late afternoon"),
    "bent": ("even bent right over", "at any angle", "although my son pulls at it", "most of the time"),
    "nicely": ("softly", "with a good sound", "firmly", "like an old radio"),
    "minutes": ("four", "about ten", "barely three", "fifteen slow", "not even two"),
    "long": ("long", "generous", "a good two metres", "long enough for the far socket"),
    "easy": ("easy", "a pleasure", "possible", "no strain"),
    "low": ("almost nothing", "a glow", "what a night light gives", "moonlight"),
    "fine": ("quiet", "handsome", "right", "older than it is", "rather grand"),
    "cool": ("cool", "barely warm", "lukewarm", "cold to the touch"),
    "turned": ("all the way round", "both ways", "with one finger", "to the wall as well"),
    "spare": ("easy to get", "cheap", "in stock", "the first thing I saw"),
    "slowly": ("slowly", "a little every hour", "at once", "when nobody looks"),
    "pale": ("pale", "bluish", "tired", "a bit cold"),
    "hidden": ("tiny", "under the foot", "at the back", "flush with the base"),
    "times": ("twice", "in the first week", "three times already", "while I moved it"),
    "short": ("short", "too stiff", "half a metre too short", "hardly enough"),
    "where": ("near the hinge", "underneath", "across the shade", "where everybody sees it"),
    "readers": ("ants", "eagles", "people half my age", "somebody with a magnifying glass"),
    "hot": ("hot", "uncomfortably warm", "warmer than the tea", "so hot that I worry"),
    "thin": ("thin", "like plastic", "fragile", "cheaper than the pictures"),
    "sockets": ("most", "half", "two", "all but one"),
    "rattles": ("a lorry passes", "I type", "the window is open", "the washing machine spins"),
}
TITLES = {
    5: ("A good lamp", "Happy with it", "Just right", "Lovely light", "Five from me", "Would buy again"),
    4: ("Good, nearly perfect", "Solid", "Small flaw, good lamp", "Nice enough", "Four of five"),
    3: ("It is all right", "Mixed", "So so", "Neither here nor there"),
    2: ("Expected more", "Weak points", "Not for me"),
    1: ("Sent it back", "Disappointed", "A pity", "No light at all"),
}
COPIED = (
    "From the first evening this lamp has changed how we read at home, the light is gentle and clear, assembly"
    " takes one minute and the seller answers every question within the hour, everyone should own two of them"
)
IN_RETURN = (
    "I received this lamp for free in exchange for my honest review.",
    "The maker sent me a complimentary unit to try, so read with that in mind.",
    "There is a gift card if you leave five stars, it says in the box.",
    "As a Vine member I see many lamps.",
    "Got it at a discount, sent for my unbiased opinion.",
    "They gave me a free sample for this review.",
    "In return for feedback I could keep it.",
)
"""One for each rewarded review."""
