using Cuvee.Cli;
using Cuvee.CommandLine;

return await CommandRunner.RunAsync(CuveeCommand.Create(), args);
