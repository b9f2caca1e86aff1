/// What the configuration file defines, for whatever refers to it.
struct DefinedNames {
    /// In the file's order, the ones with errors included.
    var accounts: [String]
    var modules: [String]
    /// Whether the lists are whole. Where a part could not be read, a name that is not in them is no error of its own.
    var knowsAccounts = true
    var knowsModules = true
}
