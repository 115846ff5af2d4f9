# Hashes of arrays, strings that grow, sorting, splitting and substitution.
use strict;
use warnings;

my (%groups, $text);
for my $i (0 .. 160000) {
    push @{ $groups{ $i % 1511 } }, "value $i" x ($i % 4);
    $text .= chr(65 + $i % 26) . ($i % 13 ? "" : " ");
}
for my $key (sort { $a <=> $b } keys %groups) {
    my $all = join ",", @{ $groups{$key} };
    print "$key ", length($all), " ", scalar(grep { length > 10 } split /,/, $all), "\n" unless $key % 10;
}
my $changed = ($text =~ s/([AEIOU])/<$1>/g);
print "$changed ", length($text), "\n";
my @words = map { { word => $_, size => length } } split / /, $text x 3;
my %count;
$count{ $_->{word} }++ for @words;
print "$_ $count{$_}\n" for (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 40];
my @tree = (undef, undef);
my $grow;
$grow = sub { my $depth = shift; return $depth ? [ $grow->($depth - 1), $grow->($depth - 1) ] : [] };
my $size;
$size = sub { my $node = shift; my $sum = 1; $sum += $size->($_) for @$node; return $sum };
print $size->($grow->(15)), "\n";
