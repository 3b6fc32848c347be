# A program for the judge: see program.c.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();

my ($word, $first, $second) = split ' ', <STDIN>;

my %actions = (
    add    => sub { print $first + $second, "\n" },
    wrong  => sub { print "41\n" },
    slow   => sub { 1 while 1 },
    greedy => sub {
        my @all;
        push @all, 'x' x (1 << 20) while 1;
    },
    crash => sub { die 'crashed' },
    fork  => sub { fork while 1 },
    flood => sub { print "again\n" while 1 },
    read  => sub {
        open my $file, '<', $first or die "$first: $!";
        print <$file>;
    },
    call => sub {
        IO::Socket::INET->new(PeerAddr => $first, PeerPort => $second) or die "not connected: $!";
        print "connected\n";
    },
    daemon => sub {
        if (fork == 0) {
            POSIX::setsid();
            1 while 1;
        }
        print "left\n";
    },
    ignore => sub {
        $SIG{$_} = 'IGNORE' for grep { !/^(?:KILL|STOP|NUM\d+|RTMIN|RTMAX)$/ } keys %SIG;
        1 while 1;
    },
);

$actions{$word}->();
