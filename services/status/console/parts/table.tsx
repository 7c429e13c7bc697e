import {
  createColumnHelper,
  createSortedRowModel,
  rowSortingFeature,
  sortFns,
  tableFeatures,
  useTable,
  type ColumnDef,
} from '@tanstack/react-table'
import type { ReactNode } from 'react'

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel(), sortFns })

export type Column<T> = { name: string; cell(row: T): ReactNode; by?: (row: T) => string | number; width?: string }

const columnsOf = <T extends object>(columns: Column<T>[]) => {
  const helper = createColumnHelper<typeof features, T>()
  return columns.map(({ name, cell, by }) =>
    by
      ? helper.accessor(by, { id: name || 'actions', header: name, cell: ({ row }) => cell(row.original), sortUndefined: 'last' })
      : helper.display({ id: name || 'actions', header: name, cell: ({ row }) => cell(row.original) }),
  ) as ColumnDef<typeof features, T>[]
}

/** For lists that fit on a page; any column that has an order can be sorted by. Columns are made once, outside of views. */
export function createList<T extends object>(columns: Column<T>[]) {
  const definitions = columnsOf(columns)
  return function ListOf({ rows, id, label }: { rows: T[]; id(row: T): string; label: string }) {
    const table = useTable({ features, columns: definitions, data: rows, getRowId: id })
    return (
      <div className="table-frame">
        <table className="data" aria-label={label}>
          <thead>
            {table.getHeaderGroups().map((group) => (
              <tr key={group.id}>
                {group.headers.map((header) => (
                  <th key={header.id} aria-sort={ariaSort(header.column.getIsSorted())}>
                    {header.column.getCanSort() ? (
                      <button type="button" onClick={header.column.getToggleSortingHandler()}>
                        <table.FlexRender header={header} /> {arrow(header.column.getIsSorted())}
                      </button>
                    ) : (
                      <table.FlexRender header={header} />
                    )}
                  </th>
                ))}
              </tr>
            ))}
          </thead>
          <tbody>
            {table.getRowModel().rows.map((row) => (
              <tr key={row.id}>
                {row.getAllCells().map((cell) => (
                  <td key={cell.id} data-name={cell.column.id === 'actions' ? undefined : cell.column.id}>
                    <table.FlexRender cell={cell} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    )
  }
}

const arrow = (sorted: false | 'asc' | 'desc') => (sorted === false ? '' : sorted === 'asc' ? '↑' : '↓')
const ariaSort = (sorted: false | 'asc' | 'desc') => (sorted === false ? undefined : sorted === 'asc' ? 'ascending' : 'descending')
