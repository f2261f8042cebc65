"""The grammar of everyday sentences: each rule lists its alternatives, <name> stands for another rule."""

from __future__ import annotations

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|"))


RULES: dict[str, tuple[str, ...]] = {
    "sentence": _lines("""
        <who> <past> <the> <adj> <thing> <where>
        <who> <past> <the> <thing> and <past> the <thing>
        <the> <adj> <animal> <went> <where>
        <the> <person> <said> that <the> <thing> was <adj>
        <ask> <the> <thing> <where>
        <ask> <doing> the <thing>
        <please> <command>
        <please> <command>
        what is the weather <like> in <place> <when>
        will it <weather> in <place> <when>
        it will be <adj> and <adj> <when>
        it is <clock> <when>
        set an alarm for <clock> <when>
        remind me to <do> the <thing> <when>
        <who> will <do> the <thing> <when>
        <who> <modal> <do> <number> <things> before <day>
        there are <number> <things> <where>
        <number> plus <number> is <number>
        how much is <number> <op> <number>
        my name is <name> and i live in <place>
        <greet> <name> how are you <when>
        <greet> this is <name> calling about the <thing>
        <feel> because <who> <past> my <thing>
        if <who> <past> the <thing> then the <animal> will be <adj>
        why did <who> <verb> the <adj> <thing>
        where can i <do> a <adj> <thing>
        tell me <tell> about <topic>
        <topic> is the most <adj> thing i know about <topic>
        <name> and <name> <past> <number> <things> in <month>
        the <person> from <place> has <number> <adj> <things>
        i think <that> <topic> is <adj>
        <no> <who> <modal> not <do> that <thing>
        the meeting with <name> is on <day> at <clock>
        <number> <unit> of <stuff> cost <number> dollars
        you should never <do> a <adj> <thing> <where>
        when <who> came <where> the <thing> was already <adj>
        <color> and <color> are my favorite colors
        <who> <past> the <color> <thing> for <name>
        the <thing> is <color> but the <thing> is <color>
        could you say that again <please>
        <yes> i would like <number> <things> <please>
        once upon a time a <adj> <animal> lived <where>
        the <animal> <said> to the <animal> <who> <modal> <do> the <thing>
        do not <do> the <thing> <when>
        in <month> we travel from <place> to <place> by <ride>
        the <ride> to <place> leaves at <clock>
    """),
    "word": _lines("""
        yes
        no
        stop
        hello
        goodbye
        operator
        cancel
        continue
        repeat
        help
        <color>
        <animal>
        <thing>
        <things>
        <day>
        <month>
        <name>
        <place>
        <number>
        <adj>
    """),
    "who": _parts("he|she|we|they|i|you|my <family>|the <person>|<name>|our <family>|the <person>|everyone|someone"),
    "the": _words("the a this that my your our his her their the the every another some"),
    "family": _words("mother father brother sister uncle aunt cousin daughter son grandfather friend neighbor"),
    "person": _words("""
        doctor teacher farmer driver student artist captain nurse lawyer baker officer player singer
        writer engineer child woman man boy girl king queen manager customer soldier scientist president
        worker
    """),
    "name": _words("""
        john mary james linda robert susan michael karen david nancy thomas lisa george betty peter helen
        frank anna paul emily kevin julia jason laura edward alice henry rachel walter grace oscar ruth
        victor yolanda
    """),
    "place": _parts("""
        london|paris|boston|new york|texas|chicago|rome|berlin|madrid|tokyo|moscow|canada|
        mexico|florida|dublin|vienna|sydney|india|egypt|brazil|seattle|denver|geneva|oxford|
        cambridge|hawaii|norway|china
    """),
    "thing": _words("""
        table chair window door bottle letter book garden house road car bicycle phone computer picture
        camera kitchen pencil paper mirror blanket ticket engine wheel bridge river mountain island forest
        field boat basket hammer ladder candle guitar piano drum shirt jacket button pocket wallet watch
        clock ring lamp carpet pillow spoon knife plate cup glass oven fridge machine building office
        school church hospital station market castle tower wall roof floor gate fence box bag key lock
        chain rope stone brick leaf flower tree cloud moon star planet message question answer story song
        game prize gift job plan map test report file folder screen
    """),
    "things": _words("""
        tables chairs windows bottles letters books houses cars phones computers pictures tickets wheels
        bridges boats candles shirts buttons watches lamps plates cups glasses boxes bags keys stones
        bricks leaves flowers trees clouds stars messages questions answers stories songs games gifts maps
        apples oranges eggs cookies sandwiches horses pigeons sheep children people minutes hours days
        weeks months years
    """),
    "animal": _words("""
        dog cat horse cow sheep pig goat rabbit mouse fox wolf bear lion tiger elephant monkey snake frog
        turtle fish shark whale duck goose chicken eagle owl crow butterfly spider bee zebra donkey camel
    """),
    "adj": _words("""
        big small old new young hot cold warm cool happy sad angry quiet loud fast slow heavy light dark
        bright clean dirty wet dry hard soft rich poor strong weak early late deep wide narrow long short
        tall thin thick sharp smooth rough sweet sour bitter fresh empty full open strange simple
        difficult dangerous safe beautiful ugly important useful wonderful terrible famous ordinary
        expensive cheap wooden golden broken hungry thirsty sleepy lazy busy careful gentle brave clever
        foolish honest jealous lonely nervous proud
    """),
    "color": _words("red green blue yellow orange purple brown black white grey pink silver golden violet"),
    "past": _words("""
        bought sold found lost saw heard took gave made broke fixed opened closed moved painted washed
        cleaned pushed pulled carried dropped watched wanted needed loved hated forgot remembered changed
        kept left built threw caught chose drew held hid paid sent showed stole taught touched used
        visited wrapped wrote
    """),
    "verb": _words("buy sell find lose see hear take give make break fix open close move paint wash push choose visit"),
    "do": _words("""
        buy sell find take bring make fix open close move paint wash clean push pull carry drop watch
        check change keep leave build throw catch choose draw hold hide send show teach touch use visit
        order measure
    """),
    "doing": _words("buying selling finding making fixing opening closing moving painting washing cleaning using"),
    "went": _parts("""
        ran|jumped|walked|climbed|crawled|slept|waited|danced|looked|stood|sat quietly|played|
        disappeared|turned around|went|swam|flew|hurried
    """),
    "said": _words("said thought believed knew shouted whispered replied explained noticed promised"),
    "where": _parts("""
        in the <thing>|under the <thing>|behind the <adj> <thing>|near the <thing>|on the <thing>|
        across the <thing>|at the <thing>|in <place>|over the <thing>|between the <things>|
        beside the <animal>|at home|outside|upstairs|next to the <person>|through the <adj> <thing>|
        around the corner|here|over there
    """),
    "when": _parts("""
        today|tomorrow|yesterday|tonight|now|on <day>|next <day>|this morning|this afternoon|
        this evening|in <month>|at <clock>|every <day>|in <number> minutes|before <day>|after lunch|
        next week|later
    """),
    "day": _words("monday tuesday wednesday thursday friday saturday sunday"),
    "month": _words(
        """
        january february march april may june july august september october november december
    """
    ),
    "clock": _parts("""
        <hour> o'clock|half past <hour>|a quarter to <hour>|a quarter past <hour>|<hour> thirty|
        <hour> fifteen|<hour> forty five|<tens> minutes past <hour>|noon|midnight|
        <hour> in the morning
    """),
    "hour": _words("one two three four five six seven eight nine ten eleven twelve"),
    "unit1": _words("one two three four five six seven eight nine"),
    "teen": _words("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"),
    "tens": _words("twenty thirty forty fifty sixty seventy eighty ninety"),
    "number": _parts("""
        <unit1>|<unit1>|<teen>|<tens>|<tens> <unit1>|<tens> <unit1>|<unit1> hundred|
        <unit1> hundred <tens> <unit1>|<unit1> thousand|<unit1> hundred and <teen>|<tens> thousand
    """),
    "op": _parts("plus|minus|times|divided by"),
    "unit": _words("kilograms pounds bottles cups bags liters boxes grams tons pieces"),
    "stuff": _words("sugar coffee tea rice flour water milk butter cheese sand gold oil honey salt bread chocolate"),
    "modal": _words("can could should would must might will"),
    "ask": _parts("""
        can you see|did you find|where is|who took|have you seen|do you like|i want to see|
        let us look at|i am looking for|show me|is that
    """),
    "please": _parts("please|please|thank you|would you please|could you please|now|and then"),
    "command": _parts("""
        turn on the <thing>|turn off the <adj> lights|open the <thing>|close the <thing>|
        play some music|play the <adj> song|stop the music|call <name>|send a message to <name>|
        read the <thing> again|count to <number>|speak more slowly|wait for <number> minutes|
        turn the volume up|turn the volume down|translate the <thing>|bring me the <color> <thing>|
        take me to the <thing>|spell your name|tell me a joke|cancel the <thing>|
        repeat the last <thing>
    """),
    "like": _parts("like|going to be|going to be like"),
    "weather": _words("rain snow freeze storm hail clear"),
    "greet": _parts("hello|hi|good morning|good evening|good afternoon|hey|dear|excuse me"),
    "feel": _parts("i am <adj>|she was <adj>|he felt <adj>|we are so <adj>|they were very <adj>|i feel <adj>"),
    "tell": _parts("more|something <adj>|a <adj> story|the truth|everything|a little"),
    "topic": _parts("""
        music|science|history|the weather|football|physics|cooking|mathematics|politics|art|
        the <animal>|life|love|money|travel|language|the ocean|the <thing>|medicine|computers|
        space|nature
    """),
    "that": _parts("that|maybe|perhaps|today|really"),
    "no": _parts("no|well no|sorry but|i am afraid|of course"),
    "yes": _parts("yes|yes please|sure|okay|well"),
    "ride": _words("train bus car plane boat bicycle taxi ferry"),
}
RULES = {name: tuple(choice for choice in choices if choice) for name, choices in RULES.items()}
