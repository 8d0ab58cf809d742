// Within src/config only: how an option's words get into the configuration. Each setter returns what to use
// instead when they are wrong.
#pragma once

#include "config/config.hpp"

#include "component/choice.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace miraclemax::config::setters {

using Values = std::vector<std::string>;
using Wrong = std::optional<std::string>;

inline auto text(std::string Config::*member) {
    return [member](Config& config, const Values& values) -> Wrong {
        config.*member = values.front();
        return std::nullopt;
    };
}

inline auto texts(std::vector<std::string> Config::*member) {
    return [member](Config& config, const Values& values) -> Wrong {
        config.*member = values;
        return std::nullopt;
    };
}

inline auto one_of(std::string Config::*member, const std::vector<std::string>& words) {
    return [member, words](Config& config, const Values& values) -> Wrong {
        config.*member = values.front();
        if (std::find(words.begin(), words.end(), values.front()) != words.end())
            return std::nullopt;
        std::string remedy = "use";
        for (std::size_t i = 0; i < words.size(); ++i)
            remedy += (i == 0 ? " " : i + 1 == words.size() ? " or " : ", ") + words[i];
        return remedy;
    };
}

template<class Number> auto number(Number Config::*member, int least, int most) {
    return [member, least, most](Config& config, const Values& values) -> Wrong {
        const auto& word = values.front();
        int value = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        if (error != std::errc{} || end != word.data() + word.size() || value < least || value > most)
            return "use a whole number from " + std::to_string(least) + " to " + std::to_string(most);
        config.*member = static_cast<Number>(value);
        return std::nullopt;
    };
}

inline auto boolean(bool Config::*member) {
    return [member](Config& config, const Values& values) -> Wrong {
        const auto& word = values.front();
        if (word != "true" && word != "True" && word != "false" && word != "False")
            return "use true or false";
        config.*member = word == "true" || word == "True";
        return std::nullopt;
    };
}

inline auto duration(std::chrono::milliseconds Config::*member) {
    return [member](Config& config, const Values& values) -> Wrong {
        const auto value = component::duration_from(values.front());
        if (!value)
            return component::remedy_for("max-freeze", values.front()).value_or("use a duration");
        config.*member = *value;
        return std::nullopt;
    };
}

inline auto duration_or_none(std::chrono::milliseconds Config::*member) {
    return [member](Config& config, const Values& values) -> Wrong {
        if (values.front() == "0") {
            config.*member = std::chrono::milliseconds(0);
            return std::nullopt;
        }
        return duration(member)(config, values);
    };
}

inline Wrong set_instance(Config& config, const Values& values) {
    config.instance = values.front();
    return component::remedy_for("component", values.front())
               ? Wrong("use 1 to 64 letters, digits, '_', '.' or '-', beginning with a letter or digit")
               : std::nullopt;
}

inline auto fingerprints(std::vector<std::string> Config::*member) {
    return [member](Config& config, const Values& values) -> Wrong {
        for (const auto& value : values) {
            std::string digits;
            std::copy_if(value.begin(), value.end(), std::back_inserter(digits),
                         [](char c) { return c != ' '; });
            if (digits.starts_with("0x") || digits.starts_with("0X"))
                digits.erase(0, 2);
            const bool hex = digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
            if (!hex || (digits.size() != 40 && digits.size() != 64))
                return "use full fingerprints, 40 or 64 hex digits each (gpg --fingerprint): \"" + value +
                       "\" is none";
            std::transform(digits.begin(), digits.end(), digits.begin(), [](char c) {
                return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
            });
            (config.*member).push_back(digits);
        }
        return std::nullopt;
    };
}

inline Wrong read_passphrase(Config& config, const Values& values) {
    return read_secret(values.front(), "passphrase", config.passphrase);
}

} // namespace miraclemax::config::setters
