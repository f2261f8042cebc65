"""The test sentences: written for Roundelay, plain and balanced, never spoken in training."""

TEST_SENTENCES = frozenset(
    line.strip()
    for line in """
the old boat drifted slowly past the wooden pier
a bowl of warm soup stood near the open window
she hung the wet coats beside the kitchen fire
nine grey pigeons landed on the broken fence
the clerk stamped every page with blue ink
put the heavy box down before you hurt your back
rain fell all night and the river rose quickly
he bought fresh bread and a jar of plum jam
the children raced across the muddy field
a thin layer of ice covered the garden path
turn left at the bridge and follow the canal
my sister plays the violin in a small orchestra
the judge asked the witness to speak louder
these apples taste sweet but their skin is tough
we waited an hour for the late train to arrive
the carpenter sanded the table until it was smooth
dark clouds gathered above the quiet village
please fold the letter and seal the envelope
the brown horse jumped over the low stone wall
her new shoes made a squeaking sound on the floor
they planted tall trees along the dusty road
the baker opened his shop at five in the morning
a loud knock at the door woke the sleeping dog
pour the hot milk into the yellow cup
the guard locked the iron gate at sunset
fish swam in circles beneath the frozen lake
he carved his name in the bark of an oak
the teacher wrote six words on the board
smoke from the chimney rose straight into the sky
she found a silver coin under the rug
the lamp flickered twice and then went out
most of the guests had left before midnight
keep the change and buy yourself a drink
the young doctor listened to his chest
a gentle breeze moved the white curtains
our neighbour keeps bees behind the barn
the pilot steered the plane through thick fog
cut the cheese into cubes and add some salt
the thief hid the jewels inside a hollow log
we could hear the ocean from our bedroom
the map showed a narrow trail up the mountain
an honest answer is worth more than gold
the crowd cheered when the runner crossed the line
he fixed the leaking pipe with a piece of tape
the library closes early on the first friday
two yellow birds built a nest in the hedge
the farmer sold his sheep at the county fair
write your address clearly at the top of the form
the soldiers marched along the shore in silence
a single candle lit the whole of the room
grandmother told us stories about the war
the engine coughed and stopped on the steep hill
hold the rope tight and do not let go
fresh snow hid the tracks of the fox
the queen wore a purple robe and a simple crown
the nurse measured his pulse every half hour
spread the butter while the toast is hot
his voice was calm but his hands were shaking
the museum bought a rare painting last year
leave your umbrella by the front door
""".strip().splitlines()
)
