using System.CommandLine;

namespace Cuvee.CommandLine;

#pragma warning disable CA1010 // The base class is enumerable for collection initialisers only.

/// <summary>A command whose <c>--help</c> ends with examples.</summary>
public sealed class ExampleCommand(string name, string description, params string[] examples) : Command(name, description)
{
    /// <summary>Whole command lines.</summary>
    public IReadOnlyList<string> Examples { get; } = examples;
}
