# raid
