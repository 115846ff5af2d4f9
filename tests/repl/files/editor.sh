sed "s/10/20/" "$1" > edited && cp edited "$1"
