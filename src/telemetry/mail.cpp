#include "telemetry/mail.hpp"

#include "error.hpp"
#include "stream/digest.hpp"
#include "telemetry/escaping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <span>

namespace miraclemax::telemetry {
namespace {

constexpr std::size_t longest_line = 998; // RFC 5322 2.1.1, without CRLF

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string base64(std::string_view bytes) {
    static constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        unsigned group = 0;
        for (std::size_t i = 0; i < 3; ++i)
            group = group << 8U | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
        for (std::size_t i = 0; i < 4; ++i)
            out += at + i <= bytes.size() ? letters[group >> (18U - 6U * i) & 0x3FU] : '=';
    }
    return out;
}

struct Mailbox {
    std::string name, address;
};

Mailbox mailbox_from(const std::string& text) {
    const auto wrong = [&] {
        return Error(ExitCode::config, "\"" + one_line(text) + "\" is no mail address",
                     "use the form bk@example.org or Backups <bk@example.org>");
    };
    if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }))
        throw wrong();
    Mailbox box{.name = {}, .address = text};
    if (const auto open = text.find('<'); open != std::string::npos) {
        if (!text.ends_with('>'))
            throw wrong();
        box = {.name = header_text(text.substr(0, open)), .address = text.substr(open + 1)};
        box.address.pop_back();
    }
    const auto at = box.address.find('@');
    const bool plain = std::all_of(box.address.begin(), box.address.end(), [](char c) {
        return c > ' ' && c < 0x7F && std::string_view("<>\"(),;:\\").find(c) == std::string_view::npos;
    });
    if (!plain || at == 0 || at == std::string::npos || at + 1 == box.address.size() ||
        box.address.find('@', at + 1) != std::string::npos)
        throw wrong();
    std::erase(box.name, '"');
    return box;
}

std::string header_of(const Mailbox& box) {
    if (box.name.empty())
        return box.address;
    const bool quoted = is_ascii(box.name) && box.name.find_first_of("()<>[]:;@\\,.") != std::string::npos;
    if (!quoted)
        return encoded_words(box.name, "\r\n ") + " <" + box.address + ">";
    std::string name;
    for (const char c : box.name)
        name += c == '\\' ? "\\\\" : std::string(1, c);
    return "\"" + name + "\" <" + box.address + ">";
}

std::vector<Mailbox> mailboxes_from(const std::string& list) {
    std::vector<Mailbox> boxes;
    for (std::size_t begin = 0; begin <= list.size();) {
        const auto end = std::min(list.find(',', begin), list.size());
        const auto first = list.find_first_not_of(' ', begin);
        if (first < end)
            boxes.push_back(
                mailbox_from(list.substr(first, list.find_last_not_of(' ', end - 1) + 1 - first)));
        begin = end + 1;
    }
    if (boxes.empty())
        throw Error(ExitCode::config, "no mail address is given", "set notify.mail.to");
    return boxes;
}

std::string date_text(Time time) {
    static constexpr const char* days[]{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[]{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm at{};
    ::gmtime_r(&seconds, &at);
    return fmt::format("{}, {} {} {} {:02}:{:02}:{:02} +0000", days[at.tm_wday], at.tm_mday,
                       months[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
}

// The same for each try, so that a mail that arrives twice is seen to be one.
std::string message_id(const Message& message, const std::string& sender) {
    stream::Sha256 sha256;
    const auto what = message.instance + "\n" + message.id;
    sha256.update(std::as_bytes(std::span(what.data(), what.size())));
    return "<" + sha256.hex().substr(0, 32) + "@" + sender.substr(sender.find('@') + 1) + ">";
}

// RFC 2045 6.7, one line without its end.
std::string quoted_printable(std::string_view line) {
    std::string out;
    std::size_t width = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const auto byte = static_cast<unsigned char>(line[i]);
        const bool last = i + 1 == line.size();
        const bool plain = (byte > ' ' && byte < 0x7F && byte != '=') || (byte == ' ' && !last);
        const auto part = plain ? std::string(1, line[i]) : fmt::format("={:02X}", byte);
        if (width + part.size() > 75) {
            out += "=\r\n";
            width = 0;
        }
        out += part;
        width += part.size();
    }
    return out;
}

struct Body {
    std::string encoding, content;
};

Body body_of(const std::string& text) {
    const auto clean = safe(text);
    std::vector<std::string_view> lines;
    for (std::size_t begin = 0; begin < clean.size();) {
        const auto end = std::min(clean.find('\n', begin), clean.size());
        lines.push_back(std::string_view(clean).substr(begin, end - begin));
        begin = end + 1;
    }
    const bool plain = is_ascii(clean) && std::all_of(lines.begin(), lines.end(), [](std::string_view line) {
                           return line.size() <= longest_line;
                       });
    Body body{.encoding = plain ? "7bit" : "quoted-printable", .content = {}};
    for (const auto line : lines)
        body.content += (plain ? std::string(line) : quoted_printable(line)) + "\r\n";
    return body;
}

} // namespace

std::string encoded_words(std::string_view text, std::string_view between) {
    if (is_ascii(text) && text.find("=?") == std::string_view::npos)
        return std::string(text);
    constexpr std::size_t most = 45; // bytes, of which base64 makes 60 characters, and 72 with the frame
    std::string out;
    for (std::size_t begin = 0; begin < text.size();) {
        std::size_t end = std::min(begin + most, text.size());
        while (end < text.size() && end > begin + 1 &&
               (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
            --end;
        out += (out.empty() ? std::string() : std::string(between)) + "=?UTF-8?B?" +
               base64(text.substr(begin, end - begin)) + "?=";
        begin = end;
    }
    return out;
}

Mail mail_for(const Channel& channel, const Message& message) {
    const auto from = mailbox_from(channel.from);
    Mail mail{.sender = from.address, .recipients = {}, .content = {}};
    std::string to;
    for (const auto& box : mailboxes_from(channel.to)) {
        mail.recipients.push_back(box.address);
        to += (to.empty() ? "" : ",\r\n ") + header_of(box);
    }
    const auto body = body_of(message.text);
    // 200 bytes: far below the longest line that a server must take.
    const auto subject = encoded_words(shortened(header_text(message.subject), 200), "\r\n ");
    mail.content = "Date: " + date_text(message.at) + "\r\n";
    mail.content += "From: " + header_of(from) + "\r\n";
    mail.content += "To: " + to + "\r\n";
    mail.content += "Subject: " + subject + "\r\n";
    mail.content += "Message-ID: " + message_id(message, from.address) + "\r\n";
    mail.content += "Auto-Submitted: auto-generated\r\n"; // RFC 3834: no vacation answers
    mail.content += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n";
    mail.content += "Content-Transfer-Encoding: " + body.encoding + "\r\n\r\n" + body.content;
    return mail;
}

} // namespace miraclemax::telemetry
