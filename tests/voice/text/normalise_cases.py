"""Written text | its words, by the kind of thing that is read."""

from __future__ import annotations

SAID = {
    "numbers": """
        0 | zero
        7 | seven
        13 | thirteen
        42 | forty two
        100 | one hundred
        110 | one hundred ten
        999 | nine hundred ninety nine
        1,000 | one thousand
        1,001 | one thousand one
        12,345 | twelve thousand three hundred forty five
        1,000,000 | one million
        2,000,000,000 | two billion
        10000 | ten thousand
        123456 | one hundred twenty three thousand four hundred fifty six
        4111111111111111 | four one one one one one one one one one one one one one one one
        007 | zero zero seven
        -5 | minus five
        it was -12 outside | it was minus twelve outside
        ３ tests with ４５ | three tests with forty five
    """,
    "ordinals": """
        1st | first
        2nd place | second place
        3rd | third
        4th of July | fourth of july
        11th | eleventh
        12th | twelfth
        20th | twentieth
        21st | twenty first
        100th | one hundredth
        1,005th | one thousand fifth
    """,
    "decimals": """
        3.14159 | three point one four one five nine
        0.5 | zero point five
        .25 | point two five
        1,234.50 | one thousand two hundred thirty four point five zero
        6.02e23 | six point zero two times ten to the power of twenty three
        1e-5 | one times ten to the power of minus five
        2.5 million people | two point five million people
        10k runs | ten thousand runs
        3M users | three million users
        version 2.5.1 | version two point five point one
        v2.0 | version two point zero
        192.168.0.1 | one nine two dot one six eight dot zero dot one
    """,
    "fractions": """
        1/2 | one half
        3/4 cup | three quarters cup
        2/3 | two thirds
        5/8 | five eighths
        1 1/2 hours | one and a half hours
        2½ | two and a half
        a 50/50 chance | a fifty fifty chance
        10/10 | ten out of ten
        3/0 | three over zero
        7/100 | seven over one hundred
        open 24/7 | open twenty four seven
    """,
    "years and dates": """
        in 1984 | in nineteen eighty four
        in 2007 | in two thousand seven
        in 2025 | in twenty twenty five
        in 1905 | in nineteen oh five
        in 1800 | in eighteen hundred
        1990s | nineteen nineties
        the '80s | the eighties
        the 60s | the sixties
        She is in her 20s | she is in her twenties
        the mid-90s | the mid nineties
        in 90s | in ninety seconds
        after 9/11 | after nine eleven
        9/11/2001 | september eleventh two thousand one
        1914-1918 | nineteen fourteen to nineteen eighteen
        2025-02-17 | february seventeenth twenty twenty five
        2024/12/25 | december twenty fifth twenty twenty four
        12/2024 | december twenty twenty four
        12/25/2024 | december twenty fifth twenty twenty four
        25/12/2024 | december twenty fifth twenty twenty four
        July 4, 1776 | july fourth seventeen seventy six
        Jan. 3rd | january third
        5 May 2021 | fifth of may twenty twenty one
        the 3rd of March | the third of march
        March 2024 | march twenty twenty four
        June 3-5, 2024 | june third to fifth twenty twenty four
        Sept 9 | september ninth
        I may 5 times | i may five times
        2025-02-17T13:05 | february seventeenth twenty twenty five thirteen oh five
    """,
    "times": """
        8 a.m.-5 p.m. | eight a m to five p m
        10am-5pm | ten a m to five p m
        5pm | five p m
        5 p.m. sharp | five p m sharp
        12:00 | twelve o'clock
        9:30 | nine thirty
        9:05 AM | nine oh five a m
        9:00 a.m. | nine a m
        13:05 | thirteen oh five
        18:00 | eighteen hundred
        0:15 | zero fifteen
        10:05:30 | ten oh five and thirty seconds
        16:9 screen | sixteen to nine screen
        a ratio of 3:1 | a ratio of three to one
    """,
    "money": """
        $5 | five dollars
        $1 | one dollar
        $5.50 | five dollars and fifty cents
        $0.99 | ninety nine cents
        $1.01 | one dollar and one cent
        $1,250.00 | one thousand two hundred fifty dollars
        $1.2 million | one point two million dollars
        $3B | three billion dollars
        US$20 | twenty dollars
        €10 | ten euros
        £3.20 | three pounds and twenty pence
        ¥500 | five hundred yen
        50¢ | fifty cents
        100 USD | one hundred dollars
        2.5 million EUR | two point five million euros
        $10/hour | ten dollars per hour
        -$5 | minus five dollars
        $5-$10 | five dollars to ten dollars
        $.50 | fifty cents
        $.00 | zero dollars
        $-5 | minus five dollars
        5€ | five euros
        5€-10€ | five euros to ten euros
        2.5 million £ | two point five million pounds
        5 $10 bills | five ten dollars bills
        USD 100 | one hundred dollars
    """,
    "units": """
        5 km | five kilometers
        1 km | one kilometer
        10kg | ten kilograms
        0.5 mg | zero point five milligrams
        65 mph | sixty five miles per hour
        100 km/h | one hundred kilometers per hour
        20°C | twenty degrees celsius
        1 °F | one degree fahrenheit
        90° | ninety degrees
        3 m² | three square meters
        2 cm^3 | two cubic centimeters
        a 5-km run | a five kilometer run
        5 ft 10 in | five feet ten inches
        2.5 in? | two point five inches
        how many cm in a km | how many centimeters in a kilometer
        9.8 m/s² | nine point eight meters per second squared
        8 in. long | eight inches long
        in 8 in 10 cases | in eight in ten cases
        6 ft tall | six feet tall
        6′2″ | six feet two inches
        5'10" | five feet ten inches
        16 GB | sixteen gigabytes
        2.4 GHz | two point four gigahertz
        800 Gbps | eight hundred gigabits per second
        4.8 TB/s | four point eight terabytes per second
        80 µs | eighty microseconds
        300 ms | three hundred milliseconds
        5 kΩ | five kilohms
        1920x1080 px | nineteen twenty by ten eighty pixels
    """,
    "percent and symbols": """
        5% | five percent
        0.25 % | zero point two five percent
        5-10% | five to ten percent
        salt & pepper | salt and pepper
        2+2=4 | two plus two equals four
        3 × 4 | three times four
        3*4 | three times four
        8 ÷ 2 | eight divided by two
        5 - 3 | five minus three
        x = -b ± √4 | x equals minus b plus or minus square root of four
        x^2 | x squared
        10^6 | ten to the power of six
        ±3 | plus or minus three
        a >= b | a greater than or equal to b
        ~20 people | about twenty people
        #1 | number one
        No. 7 | number seven
        No. That is wrong. | no that is wrong
        § 12 | section twelve
        yes/no | yes slash no
        and/or | and or
        coffee w/o milk | coffee without milk
        A → B | a to b
        @alice #fun | at alice hashtag fun
    """,
    "abbreviations": """
        Dr. Smith | doctor smith
        Mr. and Mrs. Jones | mister and missus jones
        Mr Bean | mister bean
        221 Baker St. | two hundred twenty one baker street
        St. Louis | saint louis
        St. John's St. | saint john's street
        St Mary | saint mary
        in St. Louis | in saint louis
        Rodeo Dr. is near | rodeo drive is near
        Prof. Lee et al. | professor lee et al
        cats vs. dogs | cats versus dogs
        e.g. this | for example this
        i.e. that | that is that
        apples, pears, etc. | apples pears et cetera
        Acme Inc. | acme incorporated
        Martin Luther King Jr. | martin luther king junior
        p. 5, pp. 6-8 | page five pages six to eight
        J. R. R. Tolkien | j r r tolkien
    """,
    "acronyms": """
        the FBI | the f b i
        U.S.A. | u s a
        the U.S. army | the u s army
        NASA | nasa
        NATO's plan | nato's plan
        the FBI's plan | the f b i's plan
        the GPU-to-GPU HBD | the g p u to g p u h b d
        node 17's ring | node seventeen's ring
        a 70B model | a seventy b model
        ZIP 90210 | zip nine zero two one zero
        HTML | h t m l
        GPUs | g p u's
        CEOs | c e o's
        UNICEF | unicef
        OK | okay
        PhD | p h d
        OpenAI | open a i
        InfinitePOD | infinite pod
        NVLink | n v link
        H200 | h two hundred
        GPT-4o | g p t four o
        COVID-19 | covid nineteen
        MP3 | m p three
        4K | four k
        STOP that NOW | stop that now
        THE WHOLE TEXT IS IN CAPITALS | the whole text is in capitals
        AT&T | a t and t
        C++ and C# | c plus plus and c sharp
    """,
    "Roman numerals": """
        Henry VIII | henry the eighth
        Louis XIV. | louis the fourteenth
        Charles III's crown | charles the third's crown
        World War II | world war two
        World War I | world war one
        Chapter IV | chapter four
        Part III, Act V | part three act five
        Henry I believe you | henry i believe you
        I think so | i think so
        vitamin C | vitamin c
        an IV drip | an i v drip
        Richard M. Nixon | richard m nixon
        George C. Scott | george c scott
        George V. Higgins | george v higgins
        Henry V. | henry the fifth
        Medicare Part D | medicare part d
        USB Type C | u s b type c
        Grade C, Appendix C | grade c appendix c
    """,
    "addresses": """
        user@example.org | user at example dot org
        john.smith42@mail.example.com | john dot smith four two at mail dot example dot com
        https://example.com/a?b=c | example dot com slash a question mark b equals c
        http://www.example.org. | w w w dot example dot org
        see example.com, please | see example dot com please
        github.io/x_y | github dot i o slash x underscore y
        open file.txt | open file dot t x t
        data.json | data dot json
    """,
    "telephones": """
        555-1234 | five five five one two three four
        (555) 123-4567 | five five five one two three four five six seven
        555-123-4567 | five five five one two three four five six seven
        1-800-555-0199 | one eight zero zero five five five zero one nine nine
        +44 20 7946 0958 | plus four four two zero seven nine four six zero nine five eight
    """,
    "words": """
        Hello, world! | hello world
        DON'T do it | don't do it
        **bold** and *it* | bold and it
        don't STOP | don't stop
        O’Brien’s “dog” | o'brien's dog
        the dogs' bowls | the dogs bowls
        'quoted' words | quoted words
        rock 'n' roll | rock n roll
        well-known | well known
        naïve café Zürich | naive cafe zurich
        Straße Łódź smørrebrød | strasse lodz smorrebrod
        end.Next | end next
        wait... what?! | wait what
        a — b | a b
        great 👍🏽 job | great job
        zero\u200bwidth\ufeff | zerowidth
        snake_case | snake case
        ﬁne ｆｕｌｌ | fine full
        ٣٤ tests | thirty four tests
    """,
}
