# A C program of some thousand lines: structures, functions that call each other, loops and switches.
BEGIN {
    print "typedef unsigned long word;";
    for (i = 0; i < 220; i++) {
        printf "struct s%d { word a, b[%d]; struct s%d *next; };\n", i, i % 9 + 1, i;
        printf "static word f%d(struct s%d *s, word x) {\n", i, i;
        printf "    word sum = %d;\n", i * 7919 % 1009;
        printf "    for (word k = 0; k < %d; k++) {\n", i % 9 + 1;
        printf "        switch ((x + k) %% 5) {\n";
        printf "        case 0: sum += s->b[k] * %d; break;\n", i + 3;
        printf "        case 1: sum ^= s->a << %d; break;\n", i % 13;
        printf "        case 2: s->b[k] = sum / (x | 1); break;\n";
        printf "        default: sum -= k * x; s->a += sum;\n";
        printf "        }\n    }\n";
        printf "    if (s->next && sum %% %d == 0) return sum + s->next->a;\n", i % 17 + 2;
        if (i) printf "    struct s%d other = { x, { sum }, 0 };\n    sum += f%d(&other, x ^ sum);\n", i - 1, i - 1;
        print "    return sum;\n}\n";
    }
    print "word run(word x) { struct s219 s = { x, { 1 }, 0 }; return f219(&s, x); }";
}
