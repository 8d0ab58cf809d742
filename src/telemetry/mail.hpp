// A message as a mail: RFC 5322 with MIME (RFC 2045, RFC 2047). Pure.
#pragma once

#include "telemetry/notifications.hpp"

namespace miraclemax::telemetry {

struct Mail {
    std::string sender;                  // "bk@example.org", for MAIL FROM
    std::vector<std::string> recipients; // for RCPT TO
    std::string content;                 // header and body, lines ended by CRLF; dots not stuffed
};

// Throws Error (config) when an address of the channel is none. Addresses are "bk@example.org" or
// "Backups <bk@example.org>".
[[nodiscard]] Mail mail_for(const Channel& channel, const Message& message);

// RFC 2047: as it stands where it is plain ASCII, else encoded words of at most 75 characters, with `between`
// between them ("\r\n " folds a header).
[[nodiscard]] std::string encoded_words(std::string_view text, std::string_view between);

} // namespace miraclemax::telemetry
