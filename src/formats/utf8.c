/* UTF-8 validation, quick over ASCII: names and labels of a hundred thousand images are checked at every opening. */
#include "formats/utf8.h"

#include <stdint.h>
#include <string.h>

/* Length of the well-formed multi-byte sequence at s, of which `left` bytes exist, or 0 (RFC 3629, section 4). */
static size_t sequence_length(const uint8_t *s, size_t left) {
    size_t length = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : s[0] >= 0xe0 && s[0] <= 0xef ? 3 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : 0;
    if (length == 0 || length > left) return 0;
    uint8_t low = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;
    if (s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < length; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    return length;
}

size_t vt_utf8_valid_length(const void *text, size_t size) {
    const uint8_t *s = text;
    size_t i = 0;
    while (i < size) {
        uint64_t word;
        if (size - i >= sizeof word) {
            memcpy(&word, s + i, sizeof word);
            if ((word & 0x8080808080808080u) == 0) {
                i += sizeof word;
                continue;
            }
        }
        size_t length = s[i] < 0x80 ? 1 : sequence_length(s + i, size - i);
        if (length == 0) break;
        i += length;
    }
    return i;
}

size_t vt_utf8_mark_length(const void *text, size_t size) {
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    return size >= sizeof mark && memcmp(text, mark, sizeof mark) == 0 ? sizeof mark : 0;
}
