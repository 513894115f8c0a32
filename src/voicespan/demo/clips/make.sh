#!/bin/sh
# Make the demo's caller clips: 16 kHz mono 16-bit WAV, trimmed, peak at -3 dBFS.
# Needs flite (with its built-in "slt" voice) and sox; Debian: apt-get install flite sox
# Usage: make.sh [output folder]   (default: the folder this script is in)
set -eu

out=${1:-$(dirname "$0")}
raw=$(mktemp -d)
trap 'rm -rf "$raw"' EXIT

# words NAME STRETCH TEXT: speak the text, STRETCH times the voice's own length.
words() {
    flite -voice slt --setf duration_stretch="$2" -t "$3" -o "$raw/$1.wav"
}

# phones NAME STRETCH PHONES: the same from phones, for sounds that are not words.
phones() {
    flite -voice slt --setf duration_stretch="$2" -p "$3" -o "$raw/$1.wav"
}

# finish NAME HEAD TAIL: trim the start below HEAD and the end below TAIL (shares of
# full scale), shorten every pause inside to 80 ms, fade 2 ms at both cuts, set the peak.
finish() {
    sox -D "$raw/$1.wav" -r 16000 -c 1 -b 16 "$out/$1.wav" \
        highpass 60 gain -n -3 \
        silence -l 1 0.005 "$2" -1 0.08 0.2% fade t 0.002 \
        reverse silence 1 0.005 "$3" fade t 0.002 reverse \
        gain -n -3
}

words order_status 1.0 "Hi, where is my order?"
finish order_status 1% 1%

words order_number 1.05 "It's order four one seven."
finish order_number 1% 1%

words barge_in 1.0 "Wait, can you change the address?"
finish barge_in 1% 1%

phones uh_huh 1.2 "pau ah hh ah pau"
finish uh_huh 2% 2%

# "hmm": a closed-mouth hum; no vowel, no word.
phones cough 1.4 "pau hh m m m pau"
finish cough 2% 2%

# HEAD is higher here: the voice bar before the g of "great" is long and is not heard.
words thanks 1.05 "Great, that is all. Thank you, bye."
finish thanks 3% 1%
