// The parser's commands and options as plain values: what completion and the manual are made of.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace miraclemax::cli {

enum class Value { none, file, folder, text }; // what follows an option

struct OptionText {
    std::vector<std::string> names{}; // "-h", "--help"; empty: positional
    std::string value{};              // its placeholder, "FILE"; of a positional its name
    std::string text{};
    std::string standard{}; // default
    std::string variable{}; // of the environment
    Value kind = Value::none;
    bool repeats = false;
    bool required = false;
};

struct VerbText {
    std::string name{};
    std::string alias{}; // another name of the program that stands for it
    std::string text{};
    std::vector<OptionText> options{};
    std::vector<OptionText> positionals{};
};

struct ProgramText {
    std::string name{};
    std::string text{};
    std::string footer{};
    std::vector<OptionText> options{};
    std::vector<VerbText> verbs{};
};

// What is hidden (of an empty group) is left out.
ProgramText option_table(const CLI::App& app);

} // namespace miraclemax::cli
